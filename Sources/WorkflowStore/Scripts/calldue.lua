#!lua flags=allow-oom
--[[
Leases callbacks that are due to a worker, which sends them: those first that have been due for longest. When a lease is
over, another worker sends the callback. Those of a receiver that is to get no more at one time are put off, so that they
do not block others.

KEYS  1 callbacks  2 callbacks:dead
ARGV  1 key prefix  2 token of these leases  3 how many at most  4 length of a lease (ms)
      5 attempts after which a callback is given up  6 the sentence for one whose last attempt has no recorded end
      7 seconds that a dead callback is kept  8 how many dead ones are kept
      9 clock that the caller's last turn returned, '' at its first
      10 callbacks that a receiver may have at one time; then of each that may have another number: its authority, how many
        more, and for how many ms its others are put off

Returns {Redis's clock (µs), when the next callback is due, ms, or nil, {id, name and value of each field...}...}.
Safe to send twice: what the first call has leased is sent when those leases are over.
When the clock has gone back since the caller's last turn, no callback is due later than it was put off for.
]]
local fault = callbackFault()
if fault then return fault end
local now = clock()
local ms = math.floor(now / 1000)
local report = {whole(now), false}
local room, pause = {}, {}
for i = 11, #ARGV, 3 do room[ARGV[i]], pause[ARGV[i]] = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]) end

if ARGV[9] ~= '' and now < tonumber(ARGV[9]) then
  local late = redis.call('ZRANGEBYSCORE', waiting, '(' .. whole(ms), '+inf', 'WITHSCORES', 'LIMIT', '0', '5000')
  for i = 1, #late, 2 do
    local latest = ms + (tonumber(try('HGET', callbackKey(late[i]), 'wait') or nil) or 0)
    if latest < tonumber(late[i + 1]) then redis.call('ZADD', waiting, whole(latest), late[i]) end
  end
end

local function lease(id, key)
  redis.call('HINCRBY', key, 'attempts', '1')
  redis.call('HSET', key, 'token', ARGV[2], 'wait', ARGV[4], 'last_ts', seconds(now))
  redis.call('ZADD', waiting, whole(ms + ARGV[4]), id)
  report[#report + 1] = {id, unpack(redis.call('HGETALL', key))}
end

local left = tonumber(ARGV[3])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', whole(ms), 'LIMIT', '0', '200')) do
  if left == 0 then break end
  local key = callbackKey(id)
  local known = try('HMGET', key, 'host', 'attempts', 'token') or {}
  local host, attempts = known[1], tonumber(known[2] or nil) or 0
  local free = host and (room[host] or tonumber(ARGV[10]))
  if not host then
    redis.call('ZREM', waiting, id)
  elseif attempts >= tonumber(ARGV[5]) then
    if known[3] then redis.call('HSET', key, 'last_error', ARGV[6]) end
    bury(id, now, ARGV[7], ARGV[8])
  elseif free > 0 then
    room[host], left = free - 1, left - 1
    lease(id, key)
  else
    redis.call('ZADD', waiting, whole(ms + (pause[host] or 100)), id)
  end
end
report[2] = redis.call('ZRANGEBYSCORE', waiting, '-inf', '+inf', 'WITHSCORES', 'LIMIT', '0', '1')[2] or false
return report
