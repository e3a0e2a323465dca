#!lua
--[[
Reads what the health answer shows. It writes nothing, but does not say so: a Redis that refuses writes refuses this too.

KEYS  1 queue  2 suspects  3 leases  4 workers  5 repairs

Returns {queued runs, runs under way, live workers, {what was repaired, how often...}}.
]]
local now = math.floor(clock() / 1000)
local repairs = redis.pcall('HGETALL', KEYS[5])
return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCOUNT', KEYS[4], now, '+inf'),
  repairs.err and {} or repairs,
}
