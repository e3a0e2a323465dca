#!lua flags=allow-oom
--[[
Takes runs from workers that have let their leases lapse, and puts them back at the head of their queue. A run whose
worker died while one of its steps was under way counts a crash; at the last crash that is allowed without a checkpoint
between, the run ends as failed. A run whose next crash would be that one waits among the suspects, which a worker takes
one at a time and alone, so that the run that kills its workers ends no other; all others run together again. A worker
that dies before it has recorded anything of the run is no crash at first: it took many runs at once, and may just have
been killed. But what kills its worker by being read, or in its very first steps, comes back so each time: from the third
time in a row on, that counts too.

KEYS  1 leases  2 workers  3 dead letters  4 repairs  5 lease lengths  6 live runs  7 idle workers  8 recovery
ARGV  1 key prefix  2 how many runs at most  3 crashes that end a run  4 seconds to keep an ended run
      5 sentence for a run that ends so, as JSON  6 the same as text  7 wake channel
      8 milliseconds after its death that a worker is remembered  9 dead letters that are kept
      10 clock that the caller's last turn returned, '' at its first  11 milliseconds that may have passed since
      12 1 if the caller may take runs  13 the caller's lease (ms)
      14 'recovered' or 'watched': what the caller's turn is, for the health answer; '' for nothing

Returns {Redis's clock (µs), 1 if this turn was held up, 1 if more is left to do,
         job id, 'requeued' | 'failed' | 'dropped' (a lease without a started run)...}.
A turn is held up when more time has passed since the caller's last one, or when the clock has gone back. Then writes stood
still, this one and the heartbeats of the living, or Redis's clock stepped: nothing is taken, and the caller should wait
until the living have renewed their leases. After a step back, leases and worker records end too late; those that end
later than the longest lease of any worker from now are shortened to that.
]]
local prefix, now = ARGV[1], clock()
local ms = math.floor(now / 1000)
local isFirst = ARGV[10] == ''
local isHeldUp = not isFirst and (now < tonumber(ARGV[10]) or now - ARGV[10] > ARGV[11] * 1000)

local latest = ms + longestLease(KEYS[5], tonumber(ARGV[13]))
local isMore = shorten(KEYS[1], latest)
shorten(KEYS[2], latest)

local mayTake = ARGV[12] == '1' and not isFirst and not isHeldUp
local lapsed = mayTake and redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[2]) or {}
isMore = isMore or #lapsed == tonumber(ARGV[2])
local report = {string.format('%.0f', now), isHeldUp and 1 or 0, isMore and 1 or 0}

local function fail(id, key, ts)
  redis.call('HSET', key, 'status', 'failed', 'error_code', 'worker_crashed', 'error', ARGV[6], 'finished_ts', ts,
    'last_ts', ts, 'token', '')
  try('RPUSH', prefix .. 'progress:' .. id,
    '{"ts":' .. ts .. ',"msg":"failed","error_code":"worker_crashed","error":' .. ARGV[5] .. '}')
  for _, kind in ipairs({'job:', 'progress:'}) do redis.call('EXPIRE', prefix .. kind .. id, ARGV[4]) end
  redis.pcall('ZREM', KEYS[6], id)
  redis.call('ZADD', KEYS[3], ms, id)
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[9] - 1)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms - ARGV[4] * 1000)
  redis.call('EXPIRE', KEYS[3], ARGV[4])
  return 'failed'
end

local function requeue(id, key, crashes, silent, format)
  redis.call('HSET', key, 'status', 'queued', 'token', '', 'crashes', crashes, 'silent', silent)
  enqueue('LPUSH', prefix .. (isSuspect(crashes, ARGV[3]) and 'suspects:' or 'queue:') .. format, id)
  return 'requeued'
end

local function recover(id)
  local key = prefix .. 'job:' .. id
  -- A key of another type, set by hand, is no run; it must not keep the others from being recovered.
  local job = isJobID(id)
    and try('HMGET', key, 'status', 'begun', 'crashes', 'last_ts', 'format', 'seq', 'silent') or {}
  redis.call('ZREM', KEYS[1], id)
  if job[1] ~= 'started' then
    redis.pcall('HINCRBY', KEYS[4], 'leases_without_run', 1)
    return 'dropped'
  end
  local silent = job[6] == '0' and (job[7] or 0) + 1 or 0
  local crashes = (job[3] or 0) + ((job[2] == '1' or silent >= tonumber(ARGV[3])) and 1 or 0)
  announce(prefix .. 'events:' .. id, '')
  if crashes >= tonumber(ARGV[3]) then return fail(id, key, seconds(math.max(now, microseconds(job[4])))) end
  return requeue(id, key, crashes, silent, job[5])
end

-- From the newest to the oldest, so that the oldest ends up first. Times have one form: their texts are in their order.
local created = {}
for _, id in ipairs(lapsed) do
  created[id] = try('HGET', prefix .. 'job:' .. id, 'created_ts') or ''
end
table.sort(lapsed, function(one, other) return created[one] > created[other] end)
for _, id in ipairs(lapsed) do
  report[#report + 1] = id
  report[#report + 1] = recover(id)
end
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms - ARGV[8], 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[2], worker)
  redis.call('HDEL', KEYS[5], worker)
end
if ARGV[14] ~= '' and (mayTake or ARGV[12] == '0' and not isHeldUp) then
  redis.call('HSET', KEYS[8], ARGV[14], ms, 'lease', ARGV[13])
  redis.call('EXPIRE', KEYS[8], 3600)
end
publish()
wakeWorkers(KEYS[7], ARGV[7])
return report
