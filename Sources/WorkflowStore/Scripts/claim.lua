#!lua flags=allow-oom
--[[
Gives queued runs to a worker: each leaves its queue, gets a lease and a new fencing token, is `started`, and says so
in its progress log. The token is a counter of the run's claims plus the claim's random id.

KEYS  1 leases  2 the worker's last claim  3 suspects (runs whose last worker died under them)  4 queue  5 repairs
ARGV  1 key prefix  2 claim id  3 how many runs at most  4 how many suspects at most  5 lease (ms)
      6 bytes of documents after which no further run is taken  7 worker id

Returns {number of queue entries without a queued job, which were dropped; run...}, each run
        {job id, token, run name, request id, 1 if it came from the suspects, fields of its documents}.
Safe to send twice: a claim id that is known returns the runs that it brought and still holds.
The keys of a run are made from the prefix: which runs come is known only here. A key of a wrong type must not stop the
script halfway: KEYS are looked at before anything is taken, a run's own keys as it is taken.
]]
local prefix, claim = ARGV[1], ARGV[2]
local runs, bytes, dropped, taken = {}, 0, 0, {}

local function deliver(id, token, run_name, request_id, suspect)
  local documents = redis.pcall('HGETALL', prefix .. 'run:' .. id)
  if documents.err then documents = {} end
  for i = 2, #documents, 2 do bytes = bytes + #documents[i] end
  runs[#runs + 1] = {id, token, run_name, request_id or '', suspect, documents}
end

for i, kind in ipairs({'zset', 'string', 'list', 'list', 'hash'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= kind and found ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. found .. ', not a ' .. kind)
  end
end

local last = redis.call('GET', KEYS[2])
if last and string.sub(last, 1, #claim + 1) == claim .. ' ' then
  for id, suspect in string.gmatch(string.sub(last, #claim + 2), '(%S+):(%d)') do
    local job = redis.call('HMGET', prefix .. 'job:' .. id, 'status', 'token', 'run_name', 'request_id')
    if job[1] == 'started' and job[2] and string.match(job[2], '^%d+%-(.*)$') == claim then
      deliver(id, job[2], job[3], job[4], tonumber(suspect))
    end
  end
  return {0, unpack(runs)}
end

local now = clock()
local deadline = math.floor(now / 1000) + ARGV[5]

local function take(id, suspect)
  local key = prefix .. 'job:' .. id
  local job = redis.pcall('HMGET', key, 'status', 'claims', 'last_ts', 'run_name', 'request_id')
  if job.err or job[1] ~= 'queued' then
    dropped = dropped + 1
    redis.call('HINCRBY', KEYS[5], 'entries_without_job', 1)
    return
  end
  local claims = (job[2] or 0) + 1
  local token = claims .. '-' .. claim
  local ts = seconds(math.max(now, microseconds(job[3])))
  local entry = '{"ts":' .. ts .. ',"msg":"resumed"}'
  if claims == 1 then
    -- Without its documents the run still goes to the worker, which ends it; an error here would lose it.
    local name = redis.pcall('HGET', prefix .. 'run:' .. id, 'name')
    entry = '{"ts":' .. ts .. ',"msg":"started","run":' .. (type(name) == 'string' and name or '""') .. '}'
    redis.call('HSETNX', key, 'started_ts', ts)
  end
  redis.call('HSET', key, 'status', 'started', 'token', token, 'claims', claims, 'seq', 0, 'begun', 0,
    'worker', ARGV[7], 'last_ts', ts)
  redis.call('ZADD', KEYS[1], deadline, id)
  redis.pcall('RPUSH', prefix .. 'progress:' .. id, entry)
  redis.call('PUBLISH', prefix .. 'events:' .. id, '')
  taken[#taken + 1] = id .. ':' .. suspect
  deliver(id, token, job[4], job[5], suspect)
end

local function drain(queue, limit, suspect)
  local most = #runs + limit
  while #runs < most and bytes < tonumber(ARGV[6]) do
    local id = redis.call('LPOP', queue)
    if not id then return end
    take(id, suspect)
  end
end

drain(KEYS[3], math.min(ARGV[3], ARGV[4]), 1)
drain(KEYS[4], ARGV[3] - #runs, 0)
if #taken > 0 then
  redis.call('SET', KEYS[2], claim .. ' ' .. table.concat(taken, ' '), 'PX', ARGV[5])
end
return {dropped, unpack(runs)}
