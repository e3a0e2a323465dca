#!lua flags=no-writes
--[[
Reads the live workers, those whose death is expected first at the beginning; or one of them.

KEYS  1 workers
ARGV  1 key prefix  2 how many are left out  3 how many at most  4 the one that is wanted, instead

Returns {Redis's clock (µs), of each {id, facts, digest of its abilities, since, runs, state, drain}}; of a worker that
announces nothing, as those of older versions, only the id.
]]
local now = clock()
local alive = whole(math.floor(now / 1000))
local answer = {whole(now)}
local function add(id)
  local known = try('HMGET', prefix .. 'worker:' .. id, 'about', 'abilities', 'since', 'runs', 'state', 'drain')
  local bytes = 0
  for _, text in ipairs(known or {}) do bytes = bytes + #(text or '') end
  -- Longer than what a worker writes: the answer of a thousand must have a bound.
  answer[#answer + 1] = known and known[1] and bytes <= 4096 and {id, unpack(known, 1, 6)} or {id}
end

if ARGV[4] then
  local lapse = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[4]) or 0)
  if lapse >= tonumber(alive) then add(ARGV[4]) end
  return answer
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], alive, '+inf', 'LIMIT', ARGV[2], ARGV[3])) do add(id) end
return answer
