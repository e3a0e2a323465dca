#!lua flags=no-writes
--[[
Reads values of a store, the newest first, from where an earlier call has ended.

Between two calls values are appended behind the newest and trimmed before the oldest, so neither a place counted from
one end nor one counted from the other stays. A place therefore is counted from the newest value, and has marks by which
the last value that was read is found again: it can only have come to lie further from the newest. A value has no other
name: of a step that runs again the same may be there twice.

KEYS  1 the store
ARGV  1 how many at most, from 1  2 bytes at most  3 bytes at most of the first value, if that is more
      4 the place, as this script has returned it; 0: at the newest value. A place is
        `{values behind the reader, counted from the newest}-{values appended since, as far as they were searched}-{values
        in the list then}-{bytes of the last value that was read}-{marks of that value, of the newest and of the oldest}`

Returns {place where this call ended; x: there are no more, bytes of a value that did not fit, or will hardly, or 0,
         values...}
No value and another place: the last value that was read is searched on from there.
]]
local list, most, room, roomForFirst, place = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
-- Values, and bytes of them, among which one call searches.
local mostTried, roomForSearch = 500, 1048576
-- A value of more bytes is long.
local long = 65536
-- Values that are asked for at once: how long they are, only the answer says, and of many long ones it would be long.
local portion = 2

local count = redis.call('LLEN', list)
if count == 0 then return {'x', 0} end

local function whole(number) return string.format('%.0f', number) end

-- Distinguishes a value from others of its length.
local function mark(value)
  return string.sub(redis.sha1hex(string.sub(value, 1, 256) .. '/' .. string.sub(value, -256)), 1, 8)
end

-- The mark of the value at a distance from the newest.
local marks = {}
local function markAt(distance)
  if not marks[distance] then marks[distance] = mark(redis.call('LINDEX', list, whole(-1 - distance))) end
  return marks[distance]
end

-- The mark by which a value is found again that was the last one read: its own, and, so that it is not taken for a
-- repetition, those of the newest and of the oldest. Beside a long value these two may be long as well: each costs
-- milliseconds, so it identifies itself.
local function marksOf(value, newest, oldest)
  if #value > long then return mark(value) .. string.rep('0', 16) end
  return mark(value) .. markAt(newest) .. (oldest or markAt(count - 1))
end

-- Hands over values from a distance on, the newest first, until one is refused.
local function walk(distance, takes)
  local size = 1
  while distance < count do
    local values = redis.call('LRANGE', list, whole(-distance - size), whole(-1 - distance))
    local longest = 0
    for i = #values, 1, -1 do
      if not takes(values[i], distance) then return end
      longest = math.max(longest, #values[i])
      distance = distance + 1
    end
    size = longest > long and 1 or math.min(portion, size + 1)
  end
end

-- How many values are behind the reader now; nil when the last one that was read is not there any more; nil and a place
-- when it was not found yet.
local function find()
  local passed, added, former, length, marked = string.match(place, '^(%d+)-(%d+)-(%d+)-(%d+)-(%x+)$')
  passed, length = tonumber(passed), tonumber(length)
  -- As many at least have been appended; more where others were trimmed.
  local least = count - former
  local found, reached
  local tried, bytes = 0, 0
  walk(passed + math.max(tonumber(added), least) - 1, function(value, distance)
    local more = distance + 1 - passed
    if #value == length and mark(value) == string.sub(marked, 1, 8) then
      -- Where none was trimmed the oldest is the same.
      if marksOf(value, more, more > least and string.sub(marked, 17)) == marked then
        found = distance + 1
        return false
      end
    end
    tried, bytes = tried + 1, bytes + #value
    if tried < mostTried and bytes < roomForSearch then return true end
    reached = string.format('%d-%d-%s-%d-%s', passed, more + 1, former, length, marked)
    return false
  end)
  return found, reached
end

local passed = 0
if place ~= '0' then
  local reached
  passed, reached = find()
  if not passed then return {reached or 'x', 0} end
end

local answer, read, used, last = {place, 0}, 0, 0, nil
walk(passed, function(value)
  if used + #value > room and (read > 0 or #value > roomForFirst) then
    answer[2] = #value
    return false
  end
  read, used, last = read + 1, used + #value, value
  answer[read + 2] = value
  -- The next one is not read where it would hardly fit.
  if #value > long and used + #value > room then answer[2] = #value end
  return read < most and answer[2] == 0
end)
passed = passed + read
if passed >= count then
  answer[1] = 'x'
elseif passed > 0 then
  last = last or redis.call('LINDEX', list, whole(-passed))
  answer[1] = string.format('%d-0-%d-%d-%s', passed, count, #last, marksOf(last, 0))
end
return answer
