#!lua flags=allow-oom
--[[
Has callbacks sent again from their first attempt on: one of any state, or dead ones, the newest first.

KEYS  1 callbacks  2 callbacks:dead
ARGV  1 key prefix  2 the callback's id, '' for dead ones  3 how many dead ones at most

Returns how many are sent again, and how many dead ones are left; -1 in place of the first where there is no such
callback, and -2 where it is being sent.
Safe to send twice: a callback that waits is due at once then, too.
]]
local fault = callbackFault()
if fault then return fault end
local ms = math.floor(clock() / 1000)

local function recall(id)
  local key = callbackKey(id)
  local known = try('HMGET', key, 'url', 'token')
  redis.call('ZREM', buried, id)
  if not known or not known[1] then return -1 end
  local score = redis.call('ZSCORE', waiting, id)
  if known[2] and score and tonumber(score) > ms then return -2 end
  redis.call('HDEL', key, 'token', 'dead_ts', 'delivered_ts')
  redis.call('HSET', key, 'attempts', '0', 'wait', '0')
  redis.call('PERSIST', key)
  redis.call('ZADD', waiting, whole(ms), id)
  return 1
end

local count = 0
if ARGV[2] ~= '' then
  count = recall(ARGV[2])
else
  for _, id in ipairs(redis.call('ZREVRANGE', buried, '0', whole(ARGV[3] - 1))) do
    if recall(id) == 1 then count = count + 1 end
  end
end
return {count, redis.call('ZCARD', buried)}
