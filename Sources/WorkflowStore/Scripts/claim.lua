#!lua flags=allow-oom
--[[
Gives queued runs to a worker: each leaves its queue, gets a lease and a new fencing token, and is `started`. The token is
a counter of the run's claims plus the claim's random id.

A suspect is a run whose next crash would end it. A worker takes one only when it holds no other run, and takes no other
until the suspect has recorded a checkpoint: what kills the worker meanwhile is the suspect itself. One worker at a time is
elected to become empty for the suspects that wait; it takes other runs in turn, so that neither kind waits for all of the
other. Any worker that holds no run takes a suspect when nothing else is queued.

KEYS  1 leases  2 the worker's last claim  3 suspects  4 queue  5 elected worker  6 idle workers  7 repairs
ARGV  1 key prefix  2 claim id  3 how many runs at most  4 how many runs the worker holds  5 lease (ms)
      6 bytes of documents after which no further runs are taken, a few at a time  7 worker id
      8 1 if the worker's last run was a suspect: others have their turn first

Returns {Redis's clock (µs), number of queue entries without a queued job, which were dropped, 1 if the queue is not empty now,
         1 if the worker is elected and should take no other run until it holds none; run...}, each run
        {job id, token, 1 if it came from the suspects, when it was taken, 1 if its log does not say `started` yet,
         run name, request id, steps (JSON), inputs (JSON), bytes of its log if known, {field, value...} of the steps that
        are recorded}.
Safe to send twice: a claim id that is known returns the runs that it brought and still holds.
The keys of a run are made from the prefix: which runs come is known only here. A key of a wrong type must not stop the
script halfway: KEYS are looked at before anything is taken, a run's own keys as it is taken; a count of repairs that cannot
be kept stops nothing. The worker records something of a claimed run at once, and with it that the run was taken: so the
log is not written here, and no event is published.
]]
local prefix, claim = ARGV[1], ARGV[2]
local runs, bytes, dropped, taken, leases = {}, 0, 0, {}, {}

local fault = misfit({'zset', 'string', 'list', 'list', 'string', 'zset'})
if fault then return fault end

-- The facts and documents of a job: status, claims, token, last time, start, name, request id, steps, inputs, bytes of its
-- log, and what is recorded of its steps; nothing when it is no hash.
local function read(id)
  local key, recorded = prefix .. 'job:' .. id, {}
  local job = try('HMGET', key, 'status', 'claims', 'token', 'last_ts', 'started_ts', 'run_name', 'request_id',
    'steps', 'inputs', 'log_bytes')
  if not job then return {} end
  if job[2] then
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      if string.find(fields[i], ':', 1, true) then
        recorded[#recorded + 1] = fields[i]
        recorded[#recorded + 1] = fields[i + 1]
        bytes = bytes + #fields[i + 1]
      end
    end
  end
  bytes = bytes + #(job[8] or '') + #(job[9] or '')
  job[11] = recorded
  return job
end

-- Whether the log of a run says no more than that it is queued.
local function isSilent(id)
  local entries = try('LLEN', prefix .. 'progress:' .. id)
  return entries and entries < 2
end

-- Adds a run to the answer.
local function bring(id, job, token, suspect, ts, first)
  runs[#runs + 1] = {id, token, suspect, ts, first and 1 or 0, unpack(job, 6, 11)}
end

local function answer(now, isElected)
  local words = {string.format('%.0f', now), dropped, redis.call('EXISTS', KEYS[4]), isElected and 1 or 0}
  for i, run in ipairs(runs) do words[i + 4] = run end
  return words
end

local now = clock()
local last = redis.call('GET', KEYS[2])
if last and string.sub(last, 1, #claim + 1) == claim .. ' ' then
  for id, suspect in string.gmatch(string.sub(last, #claim + 2), '(%S+):(%d)') do
    local job = read(id)
    if job[1] == 'started' and job[3] and string.match(job[3], '^%d+%-(.*)$') == claim then
      bring(id, job, job[3], tonumber(suspect), job[4], isSilent(id))
    end
  end
  return answer(now)
end

local deadline = math.floor(now / 1000) + ARGV[5]

local function take(id, suspect)
  local job = isJobID(id) and read(id) or {}
  if job[1] ~= 'queued' then
    dropped = dropped + 1
    redis.pcall('HINCRBY', KEYS[7], 'entries_without_job', 1)
    return
  end
  local claims = (job[2] or 0) + 1
  local token = claims .. '-' .. claim
  local ts = seconds(math.max(now, microseconds(job[4])))
  redis.call('HSET', prefix .. 'job:' .. id, 'status', 'started', 'token', token, 'claims', claims, 'seq', 0,
    'begun', 0, 'worker', ARGV[7], 'last_ts', ts, 'started_ts', job[5] or ts)
  leases[#leases + 1] = deadline
  leases[#leases + 1] = id
  taken[#taken + 1] = id .. ':' .. suspect
  bring(id, job, token, suspect, ts, claims == 1 or isSilent(id))
end

local function drain(queue, limit, suspect)
  local most = #runs + limit
  -- A long queue of entries without a job is dropped in several claims.
  while #runs < most and bytes < tonumber(ARGV[6]) and dropped < 1000 do
    -- Several at once, as far as there is room for more of the size of those before.
    local room = #runs == 0 and 1 or math.floor((ARGV[6] - bytes) * #runs / bytes)
    local count = math.min(most - #runs, math.max(1, math.min(room, 16)))
    local ids = redis.call('LRANGE', queue, 0, count - 1)
    if #ids == 0 then return end
    for _, id in ipairs(ids) do take(id, suspect) end
    redis.call('LPOP', queue, #ids)
  end
end

-- Whether this worker is the one that becomes empty for suspects. Its term ends by itself; one that ends later than a
-- lease from now is left from before a step back of Redis's clock.
local function isElected()
  local term, worker = string.match(redis.call('GET', KEYS[5]) or '', '^(%d+) (.*)$')
  local left = (tonumber(term) or 0) - math.floor(now / 1000)
  if term and worker ~= ARGV[7] and left > 0 and left <= tonumber(ARGV[5]) then return false end
  redis.call('SET', KEYS[5], string.format('%.0f ', deadline) .. ARGV[7], 'PX', ARGV[5])
  return true
end

local suspectsWait = redis.call('EXISTS', KEYS[3]) == 1
local isEmpty = ARGV[4] == '0'
local isTurn = suspectsWait and ARGV[8] == '0' and isElected()
local function takeSuspect()
  if not (suspectsWait and isEmpty and #runs == 0) then return end
  drain(KEYS[3], math.min(ARGV[3], 1), 1)
  if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('DEL', KEYS[5]) end
end
if isTurn then takeSuspect() end
if #runs == 0 and (isEmpty or not isTurn) then drain(KEYS[4], ARGV[3] + 0, 0) end
takeSuspect()
for first = 1, #leases, 1000 do
  redis.call('ZADD', KEYS[1], unpack(leases, first, math.min(first + 999, #leases)))
end
if #taken > 0 then
  -- Longer than most outages: a worker that lost the answer asks again with the same id, or has the runs handed back.
  redis.call('SET', KEYS[2], claim .. ' ' .. table.concat(taken, ' '), 'PX', 4 * ARGV[5])
end
-- A worker that has room left is idle, unless it is to hold no other run.
local isIdle = #runs < tonumber(ARGV[3]) and not (isTurn and not isEmpty) and not (runs[1] and runs[1][3] == 1)
  and redis.call('EXISTS', KEYS[4]) == 0
if isIdle then
  redis.call('ZADD', KEYS[6], math.floor(now / 1000), ARGV[7])
  redis.call('EXPIRE', KEYS[6], math.ceil(ARGV[5] / 1000) + 1)
else
  redis.call('ZREM', KEYS[6], ARGV[7])
end
return answer(now, isTurn and not isEmpty)
