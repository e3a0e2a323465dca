#!lua flags=allow-oom
--[[
Says what a live worker is and does. What it is lies there already at nearly every call: the worker sends it at its
start, and again when it is gone.

KEYS  1 the worker
ARGV  1 key prefix  2 seconds that it is kept  3 runs that it holds  4 its state: working, draining, drained or stopping
      5 digest of its abilities; '' unless it knows that
      6 1 if it takes no runs, as far as it knows
      7 1 if that counts more than what is known here: until now it has announced itself to another partition
      then, unless they are there, 8 milliseconds since its start  9 facts, and 10 abilities, both JSON

Returns {1 if it is to take no runs, digest of its abilities}, or nil when facts and abilities are to be sent.
Safe to send twice: the later one counts.
]]
local digest = ARGV[5]
if ARGV[9] then
  if misfit(KEYS[1], 'hash') then redis.call('DEL', KEYS[1]) end
  digest = redis.sha1hex(ARGV[10])
  redis.call('SET', prefix .. 'abilities:' .. digest, ARGV[10], 'EX', ARGV[2])
  redis.call('HSET', KEYS[1], 'about', ARGV[9], 'abilities', digest, 'since', seconds(clock() - ARGV[8] * 1000))
  -- An operator may have changed it since the worker last looked.
  redis.call('HSETNX', KEYS[1], 'drain', ARGV[6])
elseif digest == '' or redis.call('EXPIRE', prefix .. 'abilities:' .. digest, ARGV[2]) == 0
  or try('HEXISTS', KEYS[1], 'about') ~= 1 then
  return false
end
redis.call('HSET', KEYS[1], 'runs', ARGV[3], 'state', ARGV[4])
if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'drain', ARGV[6]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {redis.call('HGET', KEYS[1], 'drain') or ARGV[6], digest}
