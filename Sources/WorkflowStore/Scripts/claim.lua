#!lua flags=allow-oom
--[[
Gives queued runs to a worker: each leaves its queue, gets a lease and a hold with a new fencing token, and is
`started`. The token is a counter of the run's claims plus the claim's random id.

A worker takes runs of the classes that it has the operations for, the oldest first. It names the classes that it knows;
when there are others, it is told of all.

A suspect is a run whose next crash would end it. A worker takes one only when it holds no other run, and takes no other
until the suspect has recorded a checkpoint: what kills the worker meanwhile is the suspect itself. One worker at a time
is elected to become empty for the suspects that wait; it takes other runs in turn, so that neither kind waits for all
of the other. Any worker that holds no run takes a suspect when nothing else is queued.

KEYS  1 leases  2 the worker's last claim  3 elected worker
ARGV  1 key prefix  2 claim id  3 how many runs at most  4 how many runs the worker holds  5 lease (ms)
      6 bytes of documents after which no further runs are taken, a few at a time  7 worker id
      8 1 if the worker's last run was a suspect: others have their turn first
      9 bytes of a run's documents up to which they are read  10 how many classes there were when the worker last looked
      11... the classes whose operations it has

Returns {Redis's clock (µs), number of queue entries without a queued job, which were dropped, 1 if runs are left in its
         queues,
         1 if the worker is elected and should take no other run until it holds none,
         {class, operations...} of all classes when there are not as many as it knows, else nil; then three words a run:
           its job id, token, 1 if it came from the suspects, 1 if its log does not say `started` yet, 1 if something of
           it is recorded, bytes of its log, when it was taken, its class, bytes of its documents, its request id;
           its name;
           its documents as they lie in `docs:{id}`, or nil when they are longer than that, or many}.
Safe to send twice: a claim id that is known returns the runs that it took and still holds.
The keys of a run are made from the prefix: which runs come is known only here. A key of a wrong type must not stop the
script halfway: shared keys are looked at before anything is taken, a run's own keys as it is taken; a count of repairs
that cannot be kept stops nothing. The worker records something of a claimed run at once, and with it that the run was
taken: so the log is not written here, and no event is published.
]]
local claim, most, worker = ARGV[2], tonumber(ARGV[3]), ARGV[7]
local runs, bytes, dropped, taken, leased = {}, 0, 0, {}, {}

local fault = misfits(prefix .. 'leases', 'zset', KEYS[2], 'string', KEYS[3], 'string', prefix .. 'idle', 'zset', holds, 'hash',
  classes, 'hash')
if fault then return fault end

-- The lists of runs that this worker can execute and that are not empty.
local queues, suspects = {}, {}
local function note(lists, key)
  local length = redis.pcall('LLEN', key)
  if type(length) ~= 'number' then return misfits(key, 'list') or length end
  if length > 0 then lists[#lists + 1] = key end
end
for i = 11, #ARGV do
  fault = note(queues, queueOf(ARGV[i])) or note(suspects, suspectsOf(ARGV[i]))
  if fault then return fault end
end

-- Status, name and `run` of a job, `again` of one that was held before, and when it was submitted; nothing when it is
-- no hash.
local function read(id)
  return isJobID(id) and try('HMGET', jobs .. id, 'status', 'run_name', 'run', 'again', 'created_ts') or {}
end

-- Whether the log of a run says no more than that it is queued.
local function isSilent(id)
  local entries = try('LLEN', prefix .. 'progress:' .. id)
  return entries and entries < 2
end

-- Documents to be read, and where in the answer they go; as many as a script may touch.
local wanted, places, unread = {}, {}, 1048576

-- Adds a run to the answer. `wasHeld`: whether something may be recorded of it.
local function bring(id, job, token, suspect, time, logged, wasHeld)
  local first = (not wasHeld or isSilent(id)) and '1 ' or '0 '
  local recorded = wasHeld and redis.call('EXISTS', prefix .. 'outputs:' .. id) == 1 and '1 ' or '0 '
  local n = #runs
  runs[n + 1] = id .. ' ' .. token .. ' ' .. suspect .. ' ' .. first .. recorded .. logged .. ' ' .. time .. ' ' .. job[3]
  runs[n + 2] = job[2]
  runs[n + 3] = false
  local size = tonumber(string.sub(job[3], 10, 17)) or 0
  bytes = bytes + size
  if size > tonumber(ARGV[9]) or size > unread then return end
  unread = unread - size
  wanted[#wanted + 1] = prefix .. 'docs:' .. id
  places[#places + 1] = n + 3
end

local function isLeft(lists)
  for _, key in ipairs(lists) do
    if redis.call('EXISTS', key) == 1 then return true end
  end
  return false
end

-- Whether the worker has seen all classes.
local knowsAll = redis.call('HLEN', classes) == tonumber(ARGV[10])

local now = clock()
local function answer(areLeft, isElected)
  for first = 1, #wanted, 1000 do
    local texts = redis.call('MGET', unpack(wanted, first, math.min(first + 999, #wanted)))
    for i, text in ipairs(texts) do runs[places[first + i - 1]] = text end
  end
  local all = not knowsAll and redis.call('HGETALL', classes)
  local words = {whole(now), dropped, areLeft and 1 or 0, isElected and 1 or 0, all}
  for i = 1, #runs do words[i + 5] = runs[i] end
  return words
end

local last = redis.call('GET', KEYS[2])
if last and string.sub(last, 1, #claim + 1) == claim .. ' ' then
  for id, suspect in string.gmatch(string.sub(last, #claim + 2), '(%S+):(%d)') do
    local job, known = read(id), readHold(redis.call('HGET', holds, id))
    if job[1] == 'started' and job[3] and known and string.match(known.token, '^%d+%-(.*)$') == claim then
      bring(id, job, known.token, suspect, known.time, known.bytes, true)
    end
  end
  return answer(isLeft(queues))
end

local deadline = whole(math.floor(now / 1000) + ARGV[5])
local time = seconds(now)
-- Bytes of the entry that every log begins with.
local firstEntry = '41'

local function take(id, suspect)
  local job = read(id)
  if job[1] ~= 'queued' or not job[3] then
    dropped = dropped + 1
    redis.pcall('HINCRBY', prefix .. 'repairs', 'entries_without_job', '1')
    return
  end
  local token, ts, crashes, logged = '1-' .. claim, time, '0', firstEntry
  local claims, known, _, lastTime, size = string.match(job[4] or '', againPattern)
  if claims then
    token, ts, crashes, logged = whole(claims + 1) .. '-' .. claim, later(time, lastTime), known, size
    redis.call('HSET', jobs .. id, 'status', 'started')
  else
    -- Redis's clock may have gone back since the run was submitted.
    ts = later(time, job[5])
    redis.call('HSET', jobs .. id, 'status', 'started', 'started_ts', ts)
  end
  hold(id, token, '0', '0', '0', crashes, ts, logged, string.sub(job[3], 1, 8))
  local n = #leased
  leased[n + 1], leased[n + 2] = deadline, id
  taken[#taken + 1] = id .. ':' .. suspect
  bring(id, job, token, suspect, ts, logged, job[4])
end

local hasSuspect = false

local function drain(queue, limit, suspect)
  -- Several at once, as far as there is room for more of the size of those before.
  local room = #taken == 0 and 1 or math.floor((ARGV[6] - bytes) * #taken / bytes)
  local count = math.min(limit, math.max(1, math.min(room, 16)))
  local ids = redis.call('LRANGE', queue, '0', whole(count - 1))
  for _, id in ipairs(ids) do take(id, suspect) end
  if #ids > 0 then redis.call('LPOP', queue, whole(#ids)) end
  hasSuspect = hasSuspect or suspect == '1' and #taken > 0
  return #ids
end

-- The list whose first run was submitted first; nil when all are empty.
local function oldest(lists)
  if #lists == 1 then return lists[1] end
  local first, when
  for _, key in ipairs(lists) do
    local id = redis.call('LINDEX', key, '0')
    if id then
      local created = isJobID(id) and try('HGET', jobs .. id, 'created_ts') or ''
      if not first or created < when then first, when = key, created end
    end
  end
  return first
end

-- A long queue of entries without a job is dropped in several claims.
local function takeOthers()
  while #taken < most and bytes < tonumber(ARGV[6]) and dropped < 1000 do
    local queue = oldest(queues)
    if not queue or drain(queue, most - #taken, '0') == 0 then return end
  end
end

-- Whether this worker is the one that becomes empty for suspects. Its term ends by itself; one that ends later than a
-- lease from now is left from before a step back of Redis's clock.
local function isElected()
  local term, elected = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (.*)$')
  local left = (tonumber(term) or 0) - math.floor(now / 1000)
  if term and elected ~= worker and left > 0 and left <= tonumber(ARGV[5]) then return false end
  redis.call('SET', KEYS[3], deadline .. ' ' .. worker, 'PX', ARGV[5])
  return true
end

local isEmpty = ARGV[4] == '0'
local isTurn = #suspects > 0 and ARGV[8] == '0' and isElected()
local function takeSuspect()
  if not (#suspects > 0 and isEmpty and #taken == 0 and most > 0) then return end
  local list = oldest(suspects)
  while list and #taken == 0 and drain(list, 1, '1') > 0 do list = oldest(suspects) end
  if not isLeft(suspects) then redis.call('DEL', KEYS[3]) end
end
if isTurn then takeSuspect() end
if #taken == 0 and (isEmpty or not isTurn) then takeOthers() end
takeSuspect()
if #leased > 0 then
  send('ZADD', prefix .. 'leases', leased, 1, #leased)
  -- Longer than most outages: a worker that lost the answer asks again with the same id, or has the runs handed back.
  redis.call('SET', KEYS[2], claim .. ' ' .. table.concat(taken, ' '), 'PX', whole(4 * ARGV[5]))
end
settle()
-- A worker that has room left is idle, unless it is to hold no other run, or comes again because there are new classes.
local areLeft = isLeft(queues)
if knowsAll and #taken < most and not areLeft and not (isTurn and not isEmpty) and not hasSuspect then
  local lifetime = whole(math.ceil(ARGV[5] / 1000) + 1)
  redis.call('ZADD', prefix .. 'idle', whole(math.floor(now / 1000)), worker)
  redis.call('EXPIRE', prefix .. 'idle', lifetime)
  redis.pcall('HSET', prefix .. 'serves', worker, ARGV[10] .. ' ' .. table.concat(ARGV, ' ', 11))
  redis.pcall('EXPIRE', prefix .. 'serves', lifetime)
else
  redis.call('ZREM', prefix .. 'idle', worker)
end
return answer(areLeft, isTurn and not isEmpty)
