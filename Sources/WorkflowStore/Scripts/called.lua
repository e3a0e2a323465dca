#!lua flags=allow-oom
--[[
Records what became of an attempt to deliver a callback.

KEYS  1 callbacks  2 callbacks:dead
ARGV  1 key prefix  2 the callback's id  3 token of its lease
      4 what became of it: delivered; wait: it is sent again; dead: it is given up; back: the attempt does not count
      5 until it is sent again, ms  6 the receiver's status, '' for none  7 why the attempt has failed, '' if it has not
      8 seconds that a delivered or dead callback is kept  9 how many dead ones are kept

Returns 'recorded'; 'lost': the lease is another's; nothing is written; 'gone': there is no such callback any more.
A delivery counts whoever holds the lease by then: the receiver has the callback.
Safe to send twice: the lease is over then.
]]
local fault = callbackFault()
if fault then return fault end
local id, key = ARGV[2], callbackKey(ARGV[2])
local known = try('HMGET', key, 'token', 'url')
if not known or not known[2] then return 'gone' end
local now = clock()
if ARGV[4] ~= 'delivered' and known[1] ~= ARGV[3] then return 'lost' end
redis.call('HDEL', key, 'token')
if ARGV[4] ~= 'back' then redis.call('HDEL', key, 'last_status', 'last_error') end
if ARGV[6] ~= '' then redis.call('HSET', key, 'last_status', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', key, 'last_error', ARGV[7]) end
if ARGV[4] == 'delivered' then
  redis.call('HDEL', key, 'dead_ts')
  redis.call('HSET', key, 'delivered_ts', seconds(now))
  redis.call('ZREM', waiting, id)
  redis.call('ZREM', buried, id)
  redis.call('EXPIRE', key, ARGV[8])
elseif ARGV[4] == 'dead' then
  bury(id, now, ARGV[8], ARGV[9])
else
  if ARGV[4] == 'back' then redis.call('HINCRBY', key, 'attempts', '-1') end
  redis.call('HSET', key, 'wait', ARGV[5])
  redis.call('ZADD', waiting, whole(math.floor(now / 1000) + ARGV[5]), id)
end
return 'recorded'
