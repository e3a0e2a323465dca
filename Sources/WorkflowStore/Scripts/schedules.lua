#!lua flags=no-writes
--[[
Reads schedules: those that are due, all, or one. Every worker asks once a second, so that it costs next to nothing when
no schedule is due.

KEYS  1 schedules
ARGV  1 key prefix  2 due | all | one  3 how many of them are left out, or the name of the one  4 how many at most

Returns {Redis's clock (µs), where due ones were asked for when the first of the others is due, in seconds since 1970,
        nil for none; of each schedule {name, generation, spec, next, fired, job, run name, created, runs,
        skipped, and of one its run as it was submitted}}. `next` and `fired` are those of tick.lua. Only the name is there
        when something else has taken the schedule from its key.
]]
local time = redis.call('TIME')
local answer = {time[1] .. string.sub('00000' .. time[2], -6), false}

local function add(name, ...)
  local known = redis.pcall('HMGET', ARGV[1] .. 'schedule:' .. name, 'generation', 'spec', 'next', 'fired', 'job',
    'run_name', 'created_ts', 'runs', 'skipped', ...)
  answer[#answer + 1] = known.err and {name} or {name, unpack(known, 1, 9 + select('#', ...))}
end

if ARGV[2] == 'one' then
  if redis.call('EXISTS', ARGV[1] .. 'schedule:' .. ARGV[3]) == 1 then add(ARGV[3], 'body') end
  return answer
end
local latest = ARGV[2] == 'all' and '+inf' or time[1]
if ARGV[2] == 'due' then
  local following = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'WITHSCORES', 'LIMIT', '0', '1')[2]
  if not following or tonumber(following) > tonumber(latest) then
    answer[2] = following or false
    return answer
  end
  answer[2] = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. latest, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')[2] or false
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', latest, 'LIMIT', ARGV[3], ARGV[4])) do add(name) end
return answer
