#!lua
--[[
Reads what the health answer shows. A Redis that refuses writes refuses this, too: worker records that end later than
any lease allows, because Redis's clock stepped back, are shortened.

KEYS  1 leases  2 workers  3 lease lengths  4 recovery  5... lists where runs of older versions wait
ARGV  1 key prefix

Returns {queued runs, runs under way, live workers, {what was repaired, how often...},
        seconds for which lapsed leases have not been looked at though they should have been, 0 when they have;
        the same for runs that no worker would take,
        {what runs of a class require, how many of them are queued...}}; of classes without queued runs nothing.
]]
local now = math.floor(clock() / 1000)
local longest = longestLease(KEYS[3], 0)
if longest > 0 then shorten(KEYS[2], whole(now + longest)) end
local counts = redis.pcall('HGETALL', prefix .. 'repairs')

-- A turn comes each second, and takes at most five until it fails. Turns wait until a worker has watched Redis for a
-- lease; another worker reconciles when the one that did has not for a lease.
local turns = redis.pcall('HMGET', KEYS[4], 'recovered', 'reconciled', 'watched', 'lease')
local lease = tonumber(turns[4])
local function overdue(turn, allowed)
  if not lease then return 0 end
  local age = now - math.max(tonumber(turn) or 0, tonumber(turns[3]) or 0)
  return age > allowed and math.floor(age / 1000) or 0
end

local queued = 0
for i = 5, #KEYS do queued = queued + redis.call('LLEN', KEYS[i]) end
local known, waiting = redis.call('HGETALL', classes), {}
for i = 1, #known, 2 do
  local count = redis.call('LLEN', queueOf(known[i])) + redis.call('LLEN', suspectsOf(known[i]))
  queued = queued + count
  if count > 0 and #waiting < 2000 then
    waiting[#waiting + 1] = known[i + 1]
    waiting[#waiting + 1] = count
  end
end
return {
  queued,
  redis.call('ZCARD', KEYS[1]),
  redis.call('ZCOUNT', KEYS[2], whole(now), '+inf'),
  counts.err and {} or counts,
  overdue(turns[1], (lease or 0) + 5000),
  overdue(turns[2], 2 * (lease or 0) + 5000),
  waiting,
}
