#!lua flags=allow-oom
--[[
Gives queued runs to a worker: each leaves its queue, gets a lease and a hold with a new fencing token, and is
`started`. The token is a counter of the run's claims plus the claim's random id.

A worker takes runs of the classes that it has the operations for: those of high priority first, those of low priority
last, and of one priority the oldest first. Of several owners each has its turn: one run of each, and each claim begins
with another owner, so that no run waits behind all of another owner's. Of eight claims one begins with a run of low
priority, another one with a run of normal priority, so that none waits forever. It names the classes that it knows; when
there are others, all are returned.

A suspect is a run whose next crash would end it. A worker takes one only when it holds no other run, and takes no other
until the suspect has recorded a checkpoint: what kills the worker meanwhile is the suspect itself. One worker at a time
is elected to become empty for the suspects that wait; it takes other runs in turn, so that neither kind waits for all
of the other. Any worker that holds no run takes a suspect when nothing else is queued.

KEYS  1 leases  2 the worker's last claim  3 elected worker
ARGV  1 key prefix  2 claim id  3 how many runs at most  4 how many runs the worker holds  5 lease (ms)
      6 bytes of documents after which no further runs are taken, a few at a time  7 worker id
      8 1 if the worker's last run was a suspect: others have their turn first
      9 bytes of a run's documents up to which they are read  10 how many classes there were when the worker last looked
      11... the classes whose operations it has, each with `+` behind it when its runs have a high priority, `-` when
      they have a low one, else `=`; then the owner of its runs, if they have one

Returns {Redis's clock (µs), number of queue entries without a queued job, which were dropped, 1 if runs are left in its
         queues,
         1 if the worker is elected and should take no other run until it holds none,
         {class, operations...} of all classes when there are not as many as it knows, else nil; then three words a run:
           its job id, token, 1 if it came from the suspects, 1 if its log does not say `started` yet, 1 if something of
           it is recorded, bytes of its log, when it was taken, `q` and since when it has waited or, if it was held
           before, `s` and when it was first started, its class, bytes of its documents, its request id; of one with a
             trace a second line: when it was submitted, its trace;
           its name;
           its documents as they lie in `docs:{id}`, or nil when they are longer than that, or many}.
Safe to send twice: a claim id that is known returns the runs that it took and still holds.
The keys of a run are made from the prefix: which runs come is known only here. A key of a wrong type must not stop the
script halfway: shared keys are looked at before anything is taken, a run's own keys as it is taken; a count of repairs
that cannot be kept stops nothing. The worker records something of a claimed run at once, and with it that the run was
taken: so the log is not written here, and no event is published.
]]
local claim, most, worker = ARGV[2], tonumber(ARGV[3]), ARGV[7]
local lease, mostBytes, shortBytes = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[9])
local bytes, dropped, damaged, taken = 0, 0, 0, {}

-- Each shared key is looked at before anything is taken: by its type, or by the first command that needs it.
local fault = misfits(prefix .. 'leases', 'zset', holds, 'hash', KEYS[3], 'string')
local function look(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' then
    fault = fault or misfits(KEYS[2], 'string', prefix .. 'idle', 'zset', classes, 'hash') or answer
  end
  return answer
end
local last, classCount = look('GET', KEYS[2]), look('HLEN', classes)
look('ZREM', prefix .. 'idle', worker)
if fault then return fault end

-- The lists of runs that this worker can execute and that are not empty; those of each priority, by owner.
local queues, suspects = {}, {}
local high, normal, low = {owners = {}, of = {}}, {owners = {}, of = {}}, {owners = {}, of = {}}
local function note(lists, key)
  local length = redis.pcall('LLEN', key)
  if type(length) ~= 'number' then return misfits(key, 'list') or length end
  if length > 0 then lists[#lists + 1] = key end
end
for i = 11, #ARGV do
  local class, mark = string.sub(ARGV[i], 1, 8), string.byte(ARGV[i], 9)
  local count = #queues
  fault = note(queues, queueOf(class)) or note(suspects, suspectsOf(class))
  if fault then return fault end
  if #queues > count then
    local group, owner = mark == 43 and high or mark == 45 and low or normal, string.sub(ARGV[i], 10)
    if not group.of[owner] then
      group.of[owner] = {}
      group.owners[#group.owners + 1] = owner
    end
    local lists = group.of[owner]
    lists[#lists + 1] = queues[#queues]
  end
end

-- The facts of a job that a claim needs, `again` of one that was held before; nothing when it is no hash.
local function read(id, job)
  return isJobID(id) and checked(redis.pcall('HMGET', job, 'status', 'run_name', 'run', 'again', 'created_ts', 'paused',
    'trace', 'due')) or {}
end

-- The answer: five words, then three of each run. Documents to be read, and where in it they go; as many bytes as a
-- script may touch.
local words, wanted, places, unread = {0, 0, 0, 0, false}, {}, {}, 1048576

-- Adds a run to the answer: its id, what this claim says of it, what its job does.
local function bring(id, about, job)
  local run = job[3]
  local n, size = #words, tonumber(string.sub(run, 10, 17)) or 0
  local text = id .. about .. run
  if job[7] then text = text .. '\n' .. (job[5] or '0') .. ' ' .. job[7] end
  words[n + 1], words[n + 2], words[n + 3] = text, job[2], false
  bytes = bytes + size
  if size > shortBytes or size > unread then return end
  unread = unread - size
  local m = #wanted + 1
  wanted[m], places[m] = ARGV[1] .. 'docs:' .. id, n + 3
end

-- What a claim says of a run that was held before, of which something may be recorded: its log may say no more than
-- that it is queued.
local function aboutHeld(id, token, suspect, time, logged)
  local entries = checked(redis.pcall('LLEN', ARGV[1] .. 'progress:' .. id))
  local started = checked(redis.pcall('HGET', jobs .. id, 'started_ts')) or '-'
  return ' ' .. token .. ' ' .. suspect .. (entries and entries < 2 and ' 1 ' or ' 0 ')
    .. redis.call('EXISTS', ARGV[1] .. 'outputs:' .. id) .. ' ' .. logged .. ' ' .. time .. ' s' .. started .. ' '
end

local function isLeft(lists)
  return #lists > 0 and redis.call('EXISTS', unpack(lists)) > 0
end

-- Whether the worker has seen all classes.
local knowsAll = classCount == tonumber(ARGV[10])

local now = clock()
local function answer(areLeft, isElected)
  for first = 1, #wanted, 1000 do
    local texts = redis.call('MGET', unpack(wanted, first, math.min(first + 999, #wanted)))
    for i, text in ipairs(texts) do words[places[first + i - 1]] = text end
  end
  words[1], words[2], words[3], words[4] = whole(now), damaged, areLeft and 1 or 0, isElected and 1 or 0
  words[5] = not knowsAll and redis.call('HGETALL', classes)
  return words
end

if last and string.sub(last, 1, #claim + 1) == claim .. ' ' then
  for id, suspect in string.gmatch(string.sub(last, #claim + 2), '(%S+):(%d)') do
    local job, known = read(id, jobs .. id), readHold(redis.call('HGET', holds, id))
    if job[1] == 'started' and job[3] and known and string.match(known.token, '^%d+%-(.*)$') == claim then
      bring(id, aboutHeld(id, known.token, suspect, known.time, known.bytes), job)
    end
  end
  return answer(isLeft(queues))
end

local deadline = whole(math.floor(now / 1000) + lease)
local time = seconds(now)
local held, leased = {}, {}

-- What the hold of a run says that was held before, and what the claim says of it.
local function retake(id, again, suspect)
  local claims, crashes, _, lastTime, logged = string.match(again, againPattern)
  if not claims then return nil end
  local token, ts = whole(claims + 1) .. '-' .. claim, later(time, lastTime)
  return holdText(token .. ' 0', '0', '0', crashes, ts, logged, ''), aboutHeld(id, token, suspect, ts, logged)
end

local function take(id, suspect)
  local key = jobs .. id
  local job = read(id, key)
  local run = job[3]
  if job[1] ~= 'queued' or not run then
    dropped = dropped + 1
    -- A run that ended in its queue may leave its entry there.
    if job[1] ~= 'failed' and job[1] ~= 'cancelled' then
      damaged = damaged + 1
      redis.pcall('HINCRBY', ARGV[1] .. 'repairs', 'entries_without_job', '1')
    end
    return
  end
  if job[6] then
    dropped = dropped + 1
    return redis.call('ZADD', ARGV[1] .. 'timers', '+inf', id)
  end
  local hold, about
  if job[4] then hold, about = retake(id, job[4], suspect) end
  if hold then
    redis.call('HSET', key, 'status', 'started')
  else
    -- Redis's clock may have gone back since the run was submitted. The entry that every log begins with has 41 bytes.
    local ts = later(time, job[5])
    hold = '1-' .. claim .. ' 0 0 0 0 ' .. ts .. ' 41 '
    about = job[4] and aboutHeld(id, '1-' .. claim, suspect, ts, '41')
      or ' 1-' .. claim .. ' ' .. suspect .. ' 1 0 41 ' .. ts .. ' q' .. later(job[5] or '-', job[8]) .. ' '
    redis.call('HSET', key, 'status', 'started', 'started_ts', ts)
  end
  local n, m = #taken + 1, #leased
  taken[n] = id
  held[m + 1], held[m + 2] = id, hold .. string.sub(run, 1, 8)
  leased[m + 1], leased[m + 2] = deadline, id
  bring(id, about, job)
end

-- A claim brings a suspect alone, or other runs.
local kind = '0'

local function drain(queue, limit, suspect)
  -- Several at once, as far as there is room for more of the size of those before.
  local room = #taken == 0 and 1 or math.floor((mostBytes - bytes) * #taken / bytes)
  local count = math.min(limit, math.max(1, math.min(room, 16)))
  local ids = redis.call('LRANGE', queue, '0', whole(count - 1))
  for _, id in ipairs(ids) do take(id, suspect) end
  if #ids > 0 then redis.call('LPOP', queue, whole(#ids)) end
  if #taken > 0 then kind = suspect end
  return #ids
end

-- The list whose first run was submitted first; nil when all are empty.
local function oldest(lists)
  if #lists == 1 then return lists[1] end
  local first, when
  for _, key in ipairs(lists) do
    local id = redis.call('LINDEX', key, '0')
    if id then
      local created = isJobID(id) and checked(redis.pcall('HGET', jobs .. id, 'created_ts')) or ''
      if not first or created < when then first, when = key, created end
    end
  end
  return first
end

-- Takes from the oldest of the lists up to `count` entries; whether there were any.
local function takeOldest(lists, count)
  local queue = oldest(lists)
  return queue and drain(queue, count, '0') > 0
end

-- A long queue of entries without a job is dropped in several claims.
local function hasRoom(limit) return #taken < limit and bytes < mostBytes and dropped < 1000 end

local number = tonumber(string.match(claim, '(%d+)$')) or 0

local function takeFrom(group, limit)
  local owners, first = group.owners, number % math.max(1, #group.owners)
  if #owners < 2 then
    while owners[1] and hasRoom(limit) and takeOldest(group.of[owners[1]], limit - #taken) do end
    return
  end
  table.sort(owners)
  local isMore = true
  while isMore and hasRoom(limit) do
    isMore = false
    for n = 1, #owners do
      local lists = group.of[owners[(first + n) % #owners + 1]]
      if hasRoom(limit) and takeOldest(lists, 1) then isMore = true end
    end
  end
end

local function takeOthers()
  local turn = number % 8
  if turn == 7 then takeFrom(low, math.min(most, 1)) elseif turn == 3 then takeFrom(normal, math.min(most, 1)) end
  takeFrom(high, most)
  takeFrom(normal, most)
  takeFrom(low, most)
end

-- Whether this worker is the one that becomes empty for suspects. Its term ends by itself; one that ends later than a
-- lease from now is left from before a step back of Redis's clock.
local function isElected()
  local term, elected = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (.*)$')
  local left = (tonumber(term) or 0) - math.floor(now / 1000)
  if term and elected ~= worker and left > 0 and left <= tonumber(lease) then return false end
  redis.call('SET', KEYS[3], deadline .. ' ' .. worker, 'PX', lease)
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
if #taken > 0 then
  send('ZADD', prefix .. 'leases', leased, 1, #leased)
  -- Longer than most outages: a worker that lost the answer asks again with the same id, or has the runs handed back.
  local runs = table.concat(taken, ':' .. kind .. ' ') .. ':' .. kind
  redis.call('SET', KEYS[2], claim .. ' ' .. runs, 'PX', whole(4 * lease))
  send('HSET', holds, held, 1, #held)
end
-- A worker that has room left is idle, unless it is to hold no other run, or comes again because there are new classes.
local areLeft = isLeft(queues)
if knowsAll and #taken < most and not areLeft and not (isTurn and not isEmpty) and kind == '0' then
  local lifetime = whole(math.ceil(lease / 1000) + 1)
  redis.call('ZADD', prefix .. 'idle', whole(math.floor(now / 1000)), worker)
  redis.call('EXPIRE', prefix .. 'idle', lifetime)
  redis.pcall('HSET', prefix .. 'serves', worker, ARGV[10] .. ' ' .. table.concat(ARGV, ' ', 11))
  redis.pcall('EXPIRE', prefix .. 'serves', lifetime)
end
return answer(areLeft, isTurn and not isEmpty)
