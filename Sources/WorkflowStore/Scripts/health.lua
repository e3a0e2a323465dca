#!lua
--[[
Reads what the health answer shows. A Redis that refuses writes refuses this, too: worker records that end later than
any lease allows, because Redis's clock stepped back, are shortened.

KEYS  1 queue  2 suspects  3 leases  4 workers  5 repairs  6 lease lengths  7 recovery

Returns {queued runs, runs under way, live workers, {what was repaired, how often...},
        seconds for which lapsed leases have not been looked at though they should have been, 0 when they have;
        the same for runs that nobody would take}.
]]
local now = math.floor(clock() / 1000)
local longest = longestLease(KEYS[6], 0)
if longest > 0 then shorten(KEYS[4], now + longest) end
local repairs = redis.pcall('HGETALL', KEYS[5])

-- A turn comes each second, and takes at most five until it fails. Turns wait until a worker has watched Redis for a lease;
-- another worker reconciles when the one that did has not for a lease.
local turns = redis.pcall('HMGET', KEYS[7], 'recovered', 'reconciled', 'watched', 'lease')
local lease = tonumber(turns[4])
local function overdue(turn, allowed)
  if not lease then return 0 end
  local age = now - math.max(tonumber(turn) or 0, tonumber(turns[3]) or 0)
  return age > allowed and math.floor(age / 1000) or 0
end

return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]),
  redis.call('ZCARD', KEYS[3]),
  redis.call('ZCOUNT', KEYS[4], now, '+inf'),
  repairs.err and {} or repairs,
  overdue(turns[1], (lease or 0) + 5000),
  overdue(turns[2], 2 * (lease or 0) + 5000),
}
