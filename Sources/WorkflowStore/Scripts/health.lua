#!lua
--[[
Reads what the health answer shows. A Redis that refuses writes refuses this, too: worker records that end later than any
lease allows, because Redis's clock stepped back, are shortened.

KEYS  1 queue  2 suspects  3 leases  4 workers  5 repairs  6 lease lengths

Returns {queued runs, runs under way, live workers, {what was repaired, how often...}}.
]]
local now = math.floor(clock() / 1000)
local longest = longestLease(KEYS[6], 0)
if longest > 0 then shorten(KEYS[4], now + longest) end
local repairs = redis.pcall('HGETALL', KEYS[5])
return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCOUNT', KEYS[4], now, '+inf'),
  repairs.err and {} or repairs,
}
