-- Common to all scripts that take a run from one state to another; Scripts.swift puts this text after prelude.lua.
--
--   admit   (submit.lua) a run comes in: queued
--   take    (claim.lua) a worker holds it: started
--   release it goes back to the head of its queue, or of the suspects: queued
--   finish  it ends: finished or failed, for good
--
-- A run is started exactly while it has a hold, and whoever writes to it must name the hold's token: so nothing is
-- written to a run that is over. What goes to keys that all runs share is gathered, and written by `settle`, once per
-- call.

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

-- The error to answer when one of these keys is of another type than it should be, given as key, type...; nil when none
-- is.
local function misfits(...)
  local pairs = {...}
  for i = 1, #pairs, 2 do
    local why = misfit(pairs[i], pairs[i + 1])
    if why then return redis.error_reply('WRONGTYPE ' .. why) end
  end
end

-- What is gathered for the keys that all runs share.
local held, released, over, spent = {}, {}, {}, {}
local function announce(id, text)
  local n = #messages
  messages[n + 1], messages[n + 2] = prefix .. 'events:' .. id, text
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

-- Whether a run with this number of crashes waits among the suspects: its next crash would end it.
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
