-- Common to all scripts: RunStore puts this text before each of them (after its `#!lua` line).

-- Redis's clock, in microseconds since 1970, read once per script: TIME may change while a script runs.
local started
local function clock()
  if not started then
    local time = redis.call('TIME')
    started = time[1] * 1000000 + time[2]
  end
  return started
end

-- Microseconds as seconds with six decimals, the form of every time that wf stores.
local function seconds(us)
  return string.format('%d.%06d', math.floor(us / 1000000), us % 1000000)
end

-- A time as `seconds` writes it, in microseconds; 0 when there is none, or one of another form.
local function microseconds(text)
  if not text then return 0 end
  local whole, fraction = string.match(text, '^(%d+)%.(%d+)$')
  return whole and whole * 1000000 + fraction or 0
end

-- Whether a text has the form of a job id. Other keys under the same prefix may look like a job's: those of another
-- wf whose own prefix continues this one.
local function isJobID(text)
  return #text == 36 and string.find(text, '^%x+%-%x+%-%x+%-%x+%-%x+$') ~= nil
end

-- The answer of a command to a key that somebody else may have given another type: nil then. Any other error, such as a right
-- that this user lacks, ends the script: what cannot be read must not be taken for what is not there.
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  return nil
end

-- Messages to be published once the script has written everything, and how many runs it has enqueued.
local messages, enqueued = {}, 0

local function announce(channel, text)
  messages[#messages + 1] = {channel, text}
end

-- Puts a run at the head or the tail of a queue.
local function enqueue(push, queue, id)
  redis.call(push, queue, id)
  enqueued = enqueued + 1
end

-- Publishes what was announced; the last thing that a script does before it returns. Redis may refuse it (a user without
-- channels), which must not leave the writes half done: subscribers look by themselves, too.
local function publish()
  for _, message in ipairs(messages) do redis.pcall('PUBLISH', message[1], message[2]) end
end

-- Wakes one idle worker for each run that was enqueued, those first that have been idle for longest. A worker whose channel
-- nobody subscribes to is gone, and another one is woken. Who is woken is idle again when a claim has emptied the queue.
local function wakeWorkers(idle, wake)
  while enqueued > 0 do
    local worker = redis.pcall('ZRANGEBYSCORE', idle, '-inf', '+inf', 'LIMIT', 0, 1)[1]
    if not worker then return end
    redis.call('ZREM', idle, worker)
    local reached = redis.pcall('PUBLISH', wake .. ':' .. worker, '')
    if type(reached) ~= 'number' then return end
    if reached > 0 then enqueued = enqueued - 1 end
  end
end

-- Whether a run with so many crashes waits among the suspects: its next crash would end it.
local function isSuspect(crashes, limit) return crashes >= limit - 1 end

-- The longest lease of the workers that are remembered, in milliseconds, and at least so long.
local function longestLease(lengths, least)
  local found = redis.pcall('HGETALL', lengths)
  for i = 2, #found, 2 do least = math.max(least, tonumber(found[i]) or 0) end
  return least
end

-- Brings the scores of a sorted set down to a latest time; returns whether more may be left.
local function shorten(key, latest)
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. latest, '+inf', 'LIMIT', 0, 500)
  for _, member in ipairs(late) do redis.call('ZADD', key, latest, member) end
  return #late == 500
end

-- The error to answer when one of the first KEYS is of another type than these; nil when each is as expected, or not there.
local function misfit(kinds)
  for i, kind in ipairs(kinds) do
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= kind and found ~= 'none' then
      return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. found .. ', not a ' .. kind)
    end
  end
end
