#!lua flags=allow-oom
--[[
Gives queued runs to a worker: each leaves its queue, gets a lease and a new fencing token, is `started`, and says so
in its progress log. The token is a counter of the run's claims plus the claim's random id.

KEYS  1 leases  2 the worker's last claim  3 suspects (runs whose last worker died under them)  4 queue  5 repairs
ARGV  1 key prefix  2 claim id  3 how many runs at most  4 how many suspects at most  5 lease (ms)
      6 bytes of documents after which no further runs are taken, a few at a time  7 worker id

Returns {number of queue entries without a queued job, which were dropped; run...}, each run
        {job id, token, 1 if it came from the suspects, fields of its job as they were before the claim}.
Safe to send twice: a claim id that is known returns the runs that it brought and still holds.
The keys of a run are made from the prefix: which runs come is known only here. A key of a wrong type must not stop the
script halfway: KEYS are looked at before anything is taken, a run's own keys as it is taken; a count of repairs that cannot
be kept stops nothing. No event is published: a
worker records something of a claimed run at once.
]]
local prefix, claim = ARGV[1], ARGV[2]
local runs, bytes, dropped, taken, leases = {}, 0, 0, {}, {}

for i, kind in ipairs({'zset', 'string', 'list', 'list'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= kind and found ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. found .. ', not a ' .. kind)
  end
end

-- The fields of a job in a row, and by name; none when it is no hash.
local function read(id)
  local fields = redis.pcall('HGETALL', prefix .. 'job:' .. id)
  if fields.err then fields = {} end
  local job = {}
  for i = 1, #fields, 2 do
    job[fields[i]] = fields[i + 1]
    bytes = bytes + #fields[i + 1]
  end
  return fields, job
end

local last = redis.call('GET', KEYS[2])
if last and string.sub(last, 1, #claim + 1) == claim .. ' ' then
  for id, suspect in string.gmatch(string.sub(last, #claim + 2), '(%S+):(%d)') do
    local fields, job = read(id)
    if job.status == 'started' and job.token and string.match(job.token, '^%d+%-(.*)$') == claim then
      runs[#runs + 1] = {id, job.token, tonumber(suspect), fields}
    end
  end
  return {0, unpack(runs)}
end

local now = clock()
local deadline = math.floor(now / 1000) + ARGV[5]

local function take(id, suspect)
  local fields, job = read(id)
  if job.status ~= 'queued' then
    dropped = dropped + 1
    redis.pcall('HINCRBY', KEYS[5], 'entries_without_job', 1)
    return
  end
  local claims = (job.claims or 0) + 1
  local token = claims .. '-' .. claim
  local ts = seconds(math.max(now, microseconds(job.last_ts)))
  local entry = '{"ts":' .. ts .. ',"msg":"resumed"}'
  if claims == 1 then
    -- Without its documents the run still goes to the worker, which ends it; an error here would lose it.
    entry = '{"ts":' .. ts .. ',"msg":"started","run":' .. (job.name or '""') .. '}'
  end
  redis.call('HSET', prefix .. 'job:' .. id, 'status', 'started', 'token', token, 'claims', claims, 'seq', 0,
    'begun', 0, 'worker', ARGV[7], 'last_ts', ts, 'started_ts', job.started_ts or ts)
  local pushed = redis.pcall('RPUSH', prefix .. 'progress:' .. id, entry)
  if type(pushed) == 'table' then
    -- A log of another type is begun anew; else nothing of the run could ever be recorded, not even its end.
    redis.call('DEL', prefix .. 'progress:' .. id)
    redis.call('RPUSH', prefix .. 'progress:' .. id, entry)
    redis.pcall('HINCRBY', KEYS[5], 'logs_of_wrong_type', 1)
  end
  leases[#leases + 1] = deadline
  leases[#leases + 1] = id
  taken[#taken + 1] = id .. ':' .. suspect
  runs[#runs + 1] = {id, token, suspect, fields}
end

local function drain(queue, limit, suspect)
  local most = #runs + limit
  while #runs < most and bytes < tonumber(ARGV[6]) do
    -- Several at once, as far as there is room for more of the size of those before.
    local room = #runs == 0 and 1 or math.floor((ARGV[6] - bytes) * #runs / bytes)
    local ids = redis.call('LPOP', queue, math.min(most - #runs, math.max(1, math.min(room, 16))))
    if not ids then return end
    for _, id in ipairs(ids) do take(id, suspect) end
  end
end

drain(KEYS[3], math.min(ARGV[3], ARGV[4]), 1)
drain(KEYS[4], ARGV[3] - #runs, 0)
for first = 1, #leases, 1000 do
  redis.call('ZADD', KEYS[1], unpack(leases, first, math.min(first + 999, #leases)))
end
if #taken > 0 then
  redis.call('SET', KEYS[2], claim .. ' ' .. table.concat(taken, ' '), 'PX', ARGV[5])
end
return {dropped, unpack(runs)}
