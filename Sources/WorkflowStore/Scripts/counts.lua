#!lua flags=no-writes
--[[
Counts runs by status, and looks how long the oldest have waited and run.

KEYS  1 live  2 leases  3 timers  4 paused  5 runs  6 ended
ARGV  1 key prefix

Returns {queued, started, of the queued ones those that wait for a time or are paused, paused, listed, failed,
cancelled, seconds since the oldest run that waits for a worker was submitted, seconds since the oldest started run was
first taken}. Those that have ended are counted by their lists (indexes.lua): runs that have expired in the last two hours
are among them.
]]
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

local function lengths(shelf, index)
  local count = 0
  for _, hour in ipairs(redis.call('ZRANGEBYSCORE', prefix .. shelf, '-inf', '+inf')) do
    local key = prefix .. shelf .. ':' .. hour
    local length = redis.pcall('LLEN', key .. index)
    local again = shelf == 'ended' and redis.pcall('HGET', key .. ':again', string.sub(index, 2))
    if type(length) == 'number' then
      count = count + math.max(0, length - (type(again) == 'string' and tonumber(again) or 0))
    end
  end
  return count
end

local function since(id, field)
  local text = id and redis.pcall('HGET', prefix .. 'job:' .. id, field)
  return type(text) == 'string' and tonumber(text) and math.max(0, now - text) or 0
end

local waiting, running = 0, 0
for _, class in ipairs(redis.call('HKEYS', prefix .. 'classes')) do
  for _, list in ipairs({'queue:2:' .. class .. ':normal', 'suspects:2:' .. class}) do
    local id = redis.pcall('LINDEX', prefix .. list, '0')
    if type(id) == 'string' then waiting = math.max(waiting, since(id, 'created_ts')) end
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'LIMIT', '0', '5000')) do
  running = math.max(running, since(id, 'started_ts'))
end
local live, started = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2])
return {
  math.max(0, live - started), started, redis.call('ZCARD', KEYS[3]), redis.call('HLEN', KEYS[4]),
  lengths('runs', ''), lengths('ended', ':failed'), lengths('ended', ':cancelled'), string.format('%.3f', waiting),
  string.format('%.3f', running),
}
