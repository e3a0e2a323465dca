#!lua flags=allow-oom
--[[
Says that calls of a model are still under way.

KEYS  1 modelcalls:{name}
ARGV  1 key prefix  2 until they count as abandoned, ms  3... their ids

Returns how many of them are known.
Safe to send twice.
]]
local lapse, count = whole(clock() + ARGV[2] * 1000), 0
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], lapse, ARGV[i])
    count = count + 1
  end
end
return count
