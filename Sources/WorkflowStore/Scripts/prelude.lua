-- Common to all scripts: Scripts.swift puts this text before each of them (after its `#!lua` line). A script that uses
-- a key has the prefix of all keys as its first argument; Keys.swift lists them with their types and lifetimes, and
-- draws the states.

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

-- Messages to be published once the script has written everything, each a channel and a text, and how many runs of each
-- class it has enqueued.
local messages, enqueued = {}, {}

local function noteEnqueued(class) enqueued[class] = (enqueued[class] or 0) + 1 end

-- Appends words of a list to a run's log. A log of another type is replaced; otherwise nothing of the run could ever be
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
-- channel has no subscriber is gone, and another one is woken. Who is woken is idle again when a claim has emptied
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
