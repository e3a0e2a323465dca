#!lua
--[[
Says whether a call of a model may begin now, for all workers together.

KEYS  1 model:{name}  2 modelcalls:{name}  3 modelturns:{name}
ARGV  1 key prefix  2 the call's id  3 until the call counts as abandoned if it is not renewed, ms
      4 calls at the same time, 5 calls a minute, 6 tokens a minute that the model may get; 0 for any number
      7 tokens that the call may take

Returns {0, ''}: it may begin, and counts as under way;
        {until it is to ask again, ms; why: 'cooldown', 'requests', 'tokens' or 'calls'}.
A call that is to wait for its turn keeps the turn for a minute, so that it waits once.
Safe to send twice: a call that is under way may begin.

The rates are kept by the generic cell rate algorithm (ITU-T I.371, annex A): a call moves the time at which the next
one is due by its share of a minute, and none begins more than 3 s before it is due. The share is a ninth larger than
the limit says, so that no minute has more than the limit, also where calls are up to 3 s late.
]]
local now = clock()
local id = ARGV[2]
local function later(time, why) return {math.max(1, math.ceil((time - now) / 1000)), why} end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. whole(now))
if redis.call('ZSCORE', KEYS[2], id) then return {0, ''} end
local known = redis.call('HMGET', KEYS[1], 'cooldown', 'requests', 'tokens')
local cooldown = tonumber(known[1] or nil) or 0
if cooldown > now then return later(cooldown, 'cooldown') end

-- Its turn by the rates; one that was left for a minute is gone.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. whole(now - 60000000))
local turn, why = tonumber(redis.call('ZSCORE', KEYS[3], id) or nil), 'requests'
if not turn then
  turn = now
  local rates = {{'requests', known[2], ARGV[5], 1}, {'tokens', known[3], ARGV[6], tonumber(ARGV[7])}}
  for _, rate in ipairs(rates) do
    local due = (tonumber(rate[2] or nil) or 0) - 3000000
    if tonumber(rate[3]) > 0 and due > turn then turn, why = due, rate[1] end
  end
  for _, rate in ipairs(rates) do
    local limit = tonumber(rate[3])
    if limit > 0 then
      local share = rate[4] * 60000000 / (limit * 0.9)
      redis.call('HSET', KEYS[1], rate[1], whole(math.max(turn, tonumber(rate[2] or nil) or 0) + share))
    end
  end
end
local calls = tonumber(ARGV[4])
local isFull = calls > 0 and redis.call('ZCARD', KEYS[2]) >= calls
if turn > now or isFull then
  redis.call('ZADD', KEYS[3], whole(turn), id)
  redis.call('EXPIRE', KEYS[3], '3600', 'NX')
  redis.call('EXPIRE', KEYS[3], whole(math.ceil((turn - now) / 1000000) + 3600), 'GT')
  redis.call('EXPIRE', KEYS[1], '86400')
  if turn > now then return later(turn, why) end
  return {1000, 'calls'}
end
redis.call('ZREM', KEYS[3], id)
redis.call('ZADD', KEYS[2], whole(now + ARGV[3] * 1000), id)
redis.call('EXPIRE', KEYS[2], '86400')
redis.call('EXPIRE', KEYS[1], '86400')
return {0, ''}
