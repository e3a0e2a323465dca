# Names the functions of more than 40 lines in Swift, Lua, C and Python: awk -f Tests/long-functions.awk FILE...
# A function ends where a line begins as far left as its first line. Lines that continue a signature are no end.
function finish(last) {
  if (start && last - start + 1 > 40) { print path ":" start ": a function of " last - start + 1 " lines"; found = 1 }
  start = 0
}
function starts(line) {
  if (FILENAME ~ /\.swift$/)
    return line ~ /^ *(@[A-Za-z]+(\(.*\))? )*([a-z]+(\([a-z]+\))? )*(func |init[?(<]|subscript[(<]|deinit |var .*\{$)/
  if (FILENAME ~ /\.lua$/) return line ~ /^ *(local )?function /
  if (FILENAME ~ /\.py$/) return line ~ /^ *(async )?def /
  return line ~ /^[a-z][^;=]*\([^;]*$/
}
FNR == 1 { finish(last) }
/^ *$/ { next }
{
  match($0, /^ */)
  if (start && RLENGTH <= level && $0 !~ /^ *([)>{]|where |async |throws |-> |#[a-z])/)
    finish($0 ~ /^ *(}|end)/ ? FNR : last)
  if (!start && starts($0) && $0 !~ /(}| end)$/) { start = FNR; level = RLENGTH; path = FILENAME }
  last = FNR
}
END { finish(last); exit found }
