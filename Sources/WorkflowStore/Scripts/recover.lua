#!lua flags=allow-oom
--[[
Takes runs from workers that have let their leases lapse, and puts them back at the head of their queue. A run whose
worker died while one of its steps was under way counts a crash; at the last crash that is allowed without a checkpoint
between, the run ends as failed. A run whose next crash would be that one waits among the suspects, which a worker takes
one at a time and alone, so that the run that kills its workers ends no other; all others run together again. A worker
that dies before it has recorded anything of the run is no crash at first: it took many runs at once, and may just have
been killed. But what kills its worker by being read, or in its very first steps, comes back so each time: from the
third time in a row on, that counts too.

KEYS  1 leases  2 workers  3 dead letters  4 lease lengths  5 recovery
ARGV  1 key prefix  2 how many runs at most  3 crashes that end a run  4 seconds to keep an ended run
      5 sentence for a run that ends so, as JSON  6 the same as text
      7 milliseconds after its death that a worker is remembered  8 dead letters that are kept
      9 clock that the caller's last turn returned, '' at its first  10 milliseconds that may have passed since
      11 1 if the caller may take runs  12 the caller's lease (ms)
      13 'recovered' or 'watched': what the caller's turn is, for the health answer; '' for nothing

Returns {Redis's clock (µs), 1 if this turn was held up, 1 if more is left to do,
         job id, 'requeued' | 'failed' | 'dropped' (a lease without a started run), the fencing token of the claim, or ''...}.
A turn is held up when more time has passed since the caller's last one, or when the clock has gone back. Then Redis
accepted no writes, so live workers could not renew their leases either, or Redis's clock stepped: nothing is taken, and
the caller should wait until live workers have renewed their leases. After a step back, leases and worker records end
too late; those that end later than the longest lease of any worker from now are shortened to that.
]]
local fault = misfits(KEYS[1], 'zset', KEYS[2], 'zset', KEYS[3], 'zset', KEYS[4], 'hash', KEYS[5], 'hash', holds, 'hash')
if fault then return fault end
local now = clock()
local ms = math.floor(now / 1000)
local isFirst = ARGV[9] == ''
local isHeldUp = not isFirst and (now < tonumber(ARGV[9]) or now - ARGV[9] > ARGV[10] * 1000)

local latest = whole(ms + longestLease(KEYS[4], tonumber(ARGV[12])))
local isMore = shorten(KEYS[1], latest)
shorten(KEYS[2], latest)

local mayTake = ARGV[11] == '1' and not isFirst and not isHeldUp
local lapsed = mayTake and redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(ms), 'LIMIT', '0', ARGV[2]) or {}
isMore = isMore or #lapsed == tonumber(ARGV[2])
local report = {whole(now), isHeldUp and 1 or 0, isMore and 1 or 0}

local function count(field) ends[field] = (ends[field] or 0) + 1 end

local function fail(id, known)
  local ts = later(seconds(now), known.time)
  local entry = '{"ts":' .. ts .. ',"msg":"failed","error_code":"worker_crashed","error":' .. ARGV[5] .. '}'
  finish(id, jobs .. id, 'failed', ARGV[4], true, true, {entry}, 1, 1, 'error_code', 'worker_crashed', 'error', ARGV[6],
    'finished_ts', ts, 'bytes', whole(known.bytes + #entry))
  redis.call('ZADD', KEYS[3], whole(ms), id)
  redis.call('ZREMRANGEBYRANK', KEYS[3], '0', whole(-ARGV[8] - 1))
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', whole(ms - ARGV[4] * 1000))
  redis.call('EXPIRE', KEYS[3], ARGV[4])
  return 'failed'
end

-- The state of a run of format 1, whose job holds what the hold of a newer one does. It returns to the queue of its
-- format, from where upgrade.lua moves it.
local function formerHold(id)
  local job = redis.call('HMGET', jobs .. id, 'token', 'seq', 'begun', 'crashes', 'last_ts', 'log_bytes')
  return {token = job[1] or '', seq = job[2] or '0', begun = job[3] or '0', crashes = job[4] or '0', time = job[5] or '0',
    bytes = job[6] or '0'}
end

local function requeueFormer(id, known, crashes, silent)
  redis.call('HSET', jobs .. id, 'status', 'queued', 'token', '', 'crashes', crashes, 'silent', silent)
  redis.call('ZREM', prefix .. 'leases', id)
  redis.call('LPUSH', prefix .. (isSuspect(crashes, ARGV[3]) and 'suspects:1' or 'queue:1'), id)
end

-- What is known of a started run whose hold is gone: its next worker begins where the last checkpoint is.
local function lostHold(run, again)
  local claims, crashes, _, time, bytes = string.match(again or '', againPattern)
  return {token = whole((claims or 0) + 1) .. '-', seq = '0', begun = '0', crashes = crashes or '0', time = time or '0',
    bytes = bytes or '41', class = string.sub(run or '-', 1, 8)}
end

-- The job and the hold of a lapsed lease. A key of another type, set by hand, is no run; it must not keep the others
-- from being recovered.
local function read(id)
  local job = isJobID(id) and try('HMGET', jobs .. id, 'status', 'format', 'silent', 'again', 'run', 'created_ts') or {}
  local run = {job = job, isFormer = job[2] == '1', created = job[6] or ''}
  if job[1] ~= 'started' then return run end
  run.known = run.isFormer and formerHold(id) or readHold(redis.call('HGET', holds, id)) or lostHold(job[5], job[4])
  return run
end

-- The lists to which a run may return.
local function listsOf(run)
  if run.isFormer then return prefix .. 'queue:1', 'list', prefix .. 'suspects:1', 'list' end
  return queueOf(run.known.class), 'list', suspectsOf(run.known.class), 'list'
end

local function recover(id, run)
  local job, isFormer, known = run.job, run.isFormer, run.known
  if not known then
    released[#released + 1] = id
    redis.pcall('HINCRBY', prefix .. 'repairs', 'leases_without_run', '1')
    return 'dropped'
  end
  local deaths = isFormer and job[3] or select(3, string.match(job[4] or '', againPattern))
  local silent = known.seq == '0' and (deaths or 0) + 1 or 0
  local isCrash = known.begun == '1' or silent >= tonumber(ARGV[3])
  local crashes = whole(known.crashes + (isCrash and 1 or 0))
  if isCrash then count('run_crashes') end
  announce(id, '')
  if tonumber(crashes) >= tonumber(ARGV[3]) then return fail(id, known) end
  if isFormer then
    requeueFormer(id, known, crashes, whole(silent))
  else
    known.crashes = crashes
    release(id, known, '', whole(silent), isSuspect(crashes, ARGV[3]))
  end
  return 'requeued'
end

-- From the newest to the oldest, so that the oldest ends up first. Times have one form: their texts are in their order.
local runs = {}
for _, id in ipairs(lapsed) do
  runs[id] = read(id)
  fault = runs[id].known and misfits(listsOf(runs[id]))
  if fault then return fault end
end
table.sort(lapsed, function(one, other) return runs[one].created > runs[other].created end)
for _, id in ipairs(lapsed) do
  local token = runs[id].known and runs[id].known.token or ''
  local outcome = recover(id, runs[id])
  report[#report + 1], report[#report + 2], report[#report + 3] = id, outcome, token
  count('leases_recovered:' .. outcome)
end
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', whole(ms - ARGV[7]), 'LIMIT', '0', '100')) do
  redis.call('ZREM', KEYS[2], worker)
  redis.call('HDEL', KEYS[4], worker)
end
if ARGV[13] ~= '' and (mayTake or ARGV[11] == '0' and not isHeldUp) then
  redis.call('HSET', KEYS[5], ARGV[13], whole(ms), 'lease', ARGV[12])
  redis.call('EXPIRE', KEYS[5], '3600')
end
settle()
return report
