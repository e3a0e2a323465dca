-- Common to all scripts: Scripts.swift puts this text before each of them (after its `#!lua` line). A script that uses
-- a key has the prefix of all keys as its first argument; Keys.swift lists them with their types and lifetimes, and
-- draws the states.
--
--   admit   a run comes in: queued
--   take    (claim.lua) a worker holds it: started
--   release it goes back to the head of its queue, or of the suspects: queued
--   finish  it ends: finished or failed, for good
--
-- A run is started exactly while it has a hold, and whoever writes to it must name the hold's token: so nothing is
-- written to a run that is over. What goes to keys that all runs share is gathered, and written by `settle`, once per
-- call.

local prefix = ARGV[1]
local jobs = prefix .. 'job:'
local holds, classes = prefix .. 'holds', prefix .. 'classes'

-- The version of what is stored for a run.
-- How to change the format: raise it when a worker of the last release would misread what this one writes; a new field
-- that old workers ignore needs no new version. upgrade.lua then moves the runs that wait in the old queues, and a test
-- upgrades a Redis with runs of the old format in every state. The page Developing says what else to do.
local format = '2'

-- Redis's clock, in microseconds since 1970, read once per script: TIME may change while a script runs.
local started
local function clock()
  if not started then
    local time = redis.call('TIME')
    started = time[1] * 1000000 + time[2]
  end
  return started
end

-- A whole number as text. A number that is handed to Redis as it is costs more, and loses digits.
local function whole(number) return string.format('%.0f', number) end

-- Microseconds as seconds with six decimals, the form of every time that wf stores.
local function seconds(us)
  return string.format('%d.%06d', math.floor(us / 1000000), us % 1000000)
end

-- The later of two times as `seconds` writes them, which are in the order of their texts; the second may be missing or
-- of another form.
local function later(time, other)
  return other and #other == #time and other > time and other or time
end

-- Whether a text has the form of a job id. Other keys under the same prefix may look like a job's: those of another
-- wf whose own prefix continues this one.
local function isJobID(text)
  local byte = string.byte
  return #text == 36 and byte(text, 9) == 45 and byte(text, 14) == 45 and byte(text, 19) == 45 and byte(text, 24) == 45
end

-- The answer of a command to a key that somebody else may have given another type: nil then. Any other error, such as a
-- right that this user lacks, ends the script: what cannot be read must not be taken for what is not there.
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  return nil
end

-- Why a key cannot be used as a key of a type; nil when it can, or is not there.
local function misfit(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then return key .. ' is a ' .. found .. ', not a ' .. kind end
end

-- The error to answer when one of these keys is of another type than it should be, given as key, type...; nil when none
-- is.
local function misfits(...)
  local pairs = {...}
  for i = 1, #pairs, 2 do
    local why = misfit(pairs[i], pairs[i + 1])
    if why then return redis.error_reply('WRONGTYPE ' .. why) end
  end
end

-- Hands a command its key and the words of a list from one to another, in portions that Lua's stack can hold.
local function send(command, key, words, first, last)
  local answer
  for from = first, last, 1000 do
    answer = redis.call(command, key, unpack(words, from, math.min(from + 999, last)))
  end
  return answer
end

-- Where the runs wait that a class of operations can execute, and those of them whose next crash would end them.
local function queueOf(class) return prefix .. 'queue:' .. format .. ':' .. class .. ':normal' end
local function suspectsOf(class) return prefix .. 'suspects:' .. format .. ':' .. class end

-- What is gathered for the keys that all runs share.
local held, released, over, spent = {}, {}, {}, {}
-- Messages to be published once the script has written everything, each a channel and a text, and how many runs of each
-- class it has enqueued.
local messages, enqueued = {}, {}

local function announce(id, text)
  local n = #messages
  messages[n + 1], messages[n + 2] = prefix .. 'events:' .. id, text
end

local function noteEnqueued(class) enqueued[class] = (enqueued[class] or 0) + 1 end

-- Appends words of a list to a run's log. A log of another type is begun anew; else nothing of the run could ever be
-- recorded.
local function log(id, words, first, last)
  if first > last then return end
  local key = prefix .. 'progress:' .. id
  if not try('RPUSH', key, unpack(words, first, math.min(first + 999, last))) then
    redis.call('DEL', key)
    redis.pcall('HINCRBY', prefix .. 'repairs', 'logs_of_wrong_type', '1')
    return send('RPUSH', key, words, first, last)
  end
  if last - first > 999 then send('RPUSH', key, words, first + 1000, last) end
end

-- A hold: the token, the number of the last record, how many calls of the next one have laid down documents, 1 while a
-- step is under way that may take the worker down with it, crashes in a row, the time of the last entry, bytes of the
-- log, the run's class.
local holdPattern = '^(%S+) (%d+) (%d+) (%d) (%d+) (%S+) (%d+) (%S+)$'

-- The same with its parts by name; nil when there is no hold.
local function readHold(text)
  local token, seq, staged, begun, crashes, time, bytes, class = string.match(text or '', holdPattern)
  return token and {token = token, seq = seq, staged = staged, begun = begun, crashes = crashes, time = time,
    bytes = bytes, class = class}
end

local function hold(id, token, seq, staged, begun, crashes, time, bytes, class)
  local n = #held
  held[n + 1] = id
  held[n + 2] = token .. ' ' .. seq .. ' ' .. staged .. ' ' .. begun .. ' ' .. crashes .. ' ' .. time .. ' ' .. bytes .. ' '
    .. class
end

-- Whether a run with so many crashes waits among the suspects: its next crash would end it.
local function isSuspect(crashes, limit) return tonumber(crashes) >= limit - 1 end

-- What a job says for its next claim: claims, crashes in a row, deaths in a row before anything was recorded, the time
-- of the last entry, bytes of the log.
local againPattern = '^(%d+) (%d+) (%d+) (%S+) (%d+)$'

-- Puts a run back at the head of its queue or of the suspects.
-- `claim`: what it says of the claim that ends, as a hold. `ending`: the claim's last record, whose repeat is answered;
-- '' for none.
local function release(id, claim, ending, silent, asSuspect)
  local claims = string.match(claim.token, '^%d+') or '1'
  redis.call('HSET', jobs .. id, 'status', 'queued', 'end', ending, 'bytes', claim.bytes,
    'again', claims .. ' ' .. claim.crashes .. ' ' .. silent .. ' ' .. claim.time .. ' ' .. claim.bytes)
  released[#released + 1] = id
  redis.call('LPUSH', asSuspect and suspectsOf(claim.class) or queueOf(claim.class), id)
  noteEnqueued(claim.class)
end

-- Ends a run; nothing else makes a status terminal. `words` from `first` to `last`: the last entries of its log; then
-- what the job says of it. A finished run leaves its documents to its result.
-- Returns nil, and writes nothing, when the job is none any more.
local function finish(id, status, retain, hasOutputs, words, first, last, ...)
  local job = jobs .. id
  if not try('HSET', job, 'status', status, ...) then return nil end
  log(id, words, first, last)
  redis.call('EXPIRE', job, retain)
  redis.call('EXPIRE', prefix .. 'progress:' .. id, retain)
  local docs, outputs = prefix .. 'docs:' .. id, prefix .. 'outputs:' .. id
  if status == 'finished' then
    spent[#spent + 1] = docs
    if hasOutputs then spent[#spent + 1] = outputs end
  else
    redis.call('EXPIRE', docs, retain)
    redis.call('EXPIRE', outputs, retain)
    spent[#spent + 1] = prefix .. 'part:' .. id
  end
  released[#released + 1] = id
  over[#over + 1] = id
  return true
end

-- Publishes what was announced. Redis may refuse it (a user without channels), which must not leave the writes half
-- done: subscribers look by themselves, too.
local function publish()
  for i = 1, #messages, 2 do redis.pcall('PUBLISH', messages[i], messages[i + 1]) end
end

-- A class of which runs were enqueued that no worker has been woken for yet, and that a worker serves, as far as it is
-- known: whoever has not seen the newest classes may serve them.
local function isUseful(worker)
  local known = redis.pcall('HGET', prefix .. 'serves', worker)
  known = type(known) == 'string' and known or '0'
  local count = string.match(known, '^%d+') + 0
  for class, left in pairs(enqueued) do
    local isServed = string.find(known, class, 1, true) or count ~= redis.call('HLEN', classes)
    if left > 0 and isServed then return class end
  end
end

-- Wakes one idle worker for each run that was enqueued, those first that have been idle for longest. A worker whose
-- channel nobody subscribes to is gone, and another one is woken. Who is woken is idle again when a claim has emptied
-- the queue.
local function wakeWorkers()
  if not next(enqueued) then return end
  local workers = redis.pcall('ZRANGEBYSCORE', prefix .. 'idle', '-inf', '+inf', 'LIMIT', '0', '100')
  for _, worker in ipairs(workers) do
    local class = isUseful(worker)
    if class then
      redis.call('ZREM', prefix .. 'idle', worker)
      redis.pcall('HDEL', prefix .. 'serves', worker)
      local reached = redis.pcall('PUBLISH', prefix .. 'wake:' .. worker, '')
      if type(reached) ~= 'number' then return end
      if reached > 0 then enqueued[class] = enqueued[class] - 1 end
    end
  end
end

-- Writes what was gathered, then publishes; the last thing that a script does before it returns.
local function settle()
  if #held > 0 then send('HSET', holds, held, 1, #held) end
  if #released > 0 then
    send('HDEL', holds, released, 1, #released)
    send('ZREM', prefix .. 'leases', released, 1, #released)
  end
  if #over > 0 and not misfit(prefix .. 'live', 'zset') then send('ZREM', prefix .. 'live', over, 1, #over) end
  for from = 1, #spent, 1000 do redis.call('UNLINK', unpack(spent, from, math.min(from + 999, #spent))) end
  publish()
  wakeWorkers()
end

-- The longest lease of the workers that are remembered, in milliseconds, and at least so long.
local function longestLease(lengths, least)
  local found = redis.pcall('HGETALL', lengths)
  for i = 2, #found, 2 do least = math.max(least, tonumber(found[i]) or 0) end
  return least
end

-- Lowers the scores of a sorted set to a latest time; returns whether more may be left.
local function shorten(key, latest)
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. latest, '+inf', 'LIMIT', '0', '500')
  for _, member in ipairs(late) do redis.call('ZADD', key, latest, member) end
  return #late == 500
end
