-- Common to the scripts that take a run from one state to another; Scripts.swift puts this text after prelude.lua,
-- wake.lua, holds.lua, indexes.lua, usage.lua and report.lua.
--
--   admit   (admit.lua) a run comes in: queued
--   take    (claim.lua) a worker holds it: started
--   release it goes back to the head of its queue, or of the suspects, or waits among the timers: queued
--   finish  it ends: finished or failed, for good
--
-- A run is started exactly while it has a hold, and a script that writes to it must name the hold's token: so nothing
-- is written to a run that is over. What goes to keys that all runs share is gathered, and written by `settle`, once
-- per call.

-- What is gathered: holds, each an id and its text; the ids of runs that lose their holds, and of those that are over;
-- keys that go; messages, each a channel and a text; and by the fields of `metrics` that count it what has
-- happened how often.
local held, released, over, spent, messages, ends = {}, {}, {}, {}, {}, {}

local function hold(id, text)
  local n = #held
  held[n + 1], held[n + 2] = id, text
end

local function announce(id, text)
  local n = #messages
  messages[n + 1], messages[n + 2] = ARGV[1] .. 'events:' .. id, text
end

-- Whether a run with this number of crashes waits among the suspects: its next crash would end it.
local function isSuspect(crashes, limit) return tonumber(crashes) >= limit - 1 end

-- Puts a run back at the head of its queue or of the suspects; or has it wait among the timers until `due`, in
-- milliseconds, or without an end when it is paused.
-- `claim`: what it says of the claim that ends, as a hold. `ending`: the claim's last record, whose repeat is answered;
-- '' for none.
local function release(id, claim, ending, silent, asSuspect, due)
  local claims = string.match(claim.token, '^%d+') or '1'
  redis.call('HSET', jobs .. id, 'status', 'queued', 'end', ending, 'bytes', claim.bytes,
    'again', claims .. ' ' .. claim.crashes .. ' ' .. silent .. ' ' .. claim.time .. ' ' .. claim.bytes)
  released[#released + 1] = id
  if redis.call('HGET', jobs .. id, 'paused') then due = '+inf' end
  if due then return redis.call('ZADD', ARGV[1] .. 'timers', due, id) end
  redis.call('LPUSH', asSuspect and suspectsOf(claim.class) or queueOf(claim.class), id)
  enqueued[claim.class] = (enqueued[claim.class] or 0) + 1
end

-- What the end of a run takes from its job: how long it is kept, which other keys know of it, and where it is reported.
-- Returns the seconds that it is kept, its owner, and its generation from the second one on.
local function settleOptions(id, job, status, retain)
  local said = redis.call('HMGET', job, 'retain', 'limit', 'callback', 'owner', 'generation')
  if said[4] then countEnd(id, job, said[4], status == 'finished', said[1] or retain) end
  if said[2] then redis.pcall('ZREM', ARGV[1] .. 'deadlines', id) end
  if said[3] then report(id, said[3]) end
  return said[1] or retain, said[4], said[5] and said[5] ~= '0' and said[5]
end

-- Counts the end of a run. Codes are wf's own; a text of another form, written by others, is counted as `other`.
local function countOutcome(job, status)
  ends['runs_ended:' .. status] = (ends['runs_ended:' .. status] or 0) + 1
  if status ~= 'failed' then return end
  local code = redis.call('HGET', job, 'error_code') or ''
  local field = 'runs_failed:' .. (string.match(code, '^[a-z_]+$') and #code <= 40 and code or 'other')
  ends[field] = (ends[field] or 0) + 1
end

-- Ends a run; nothing else makes a status terminal. `retain`: seconds that it is kept, unless it says otherwise itself;
-- `hasOptions`: its job may say more that its end needs. `words` from `first` to `last`: the last entries of its log;
-- then what the job says of it. A finished run leaves its documents to its result.
-- Returns the seconds that it is kept; nil, and writes nothing, when the job is none any more.
local function finish(id, job, status, retain, hasOptions, hasOutputs, words, first, last, ...)
  if not checked(redis.pcall('HSET', job, 'status', status, ...)) then return nil end
  countOutcome(job, status)
  local owner, generation
  if hasOptions then retain, owner, generation = settleOptions(id, job, status, retain) end
  local progress = ARGV[1] .. 'progress:' .. id
  log(progress, words, first, last)
  redis.call('EXPIRE', job, retain)
  redis.call('EXPIRE', progress, retain)
  local docs = ARGV[1] .. 'docs:' .. id
  if status == 'finished' then
    spent[#spent + 1] = docs
    if hasOutputs then spent[#spent + 1] = ARGV[1] .. 'outputs:' .. id end
  else
    redis.call('EXPIRE', docs, retain)
    redis.call('EXPIRE', ARGV[1] .. 'outputs:' .. id, retain)
    spent[#spent + 1] = ARGV[1] .. 'part:' .. id
    local hour, entry = whole(math.floor(redis.call('TIME')[1] / 3600)), generation and id .. ' ' .. generation or id
    enlist('ended', hour, ':' .. status, {entry}, retain + 0, hasOptions)
    if owner then enlist('ended', hour, ':' .. status .. ':owner:' .. owner, {entry}, retain + 0, hasOptions) end
  end
  local n = #over + 1
  released[#released + 1], over[n] = id, id
  return retain
end

-- Writes what was gathered, then publishes; the last thing that a script does before it returns. Redis may refuse to
-- publish (to a user without channels), which must not leave the writes half done: subscribers look by themselves, too.
local function settle()
  if #held > 0 then send('HSET', holds, held, 1, #held) end
  if #released > 0 then
    send('HDEL', holds, released, 1, #released)
    send('ZREM', prefix .. 'leases', released, 1, #released)
  end
  for from = 1, #over, 1000 do try('ZREM', prefix .. 'live', unpack(over, from, math.min(from + 999, #over))) end
  -- A run that was paused in its last steps, or is cancelled or too late while it is paused, is paused no more.
  if #over > 0 and redis.call('EXISTS', prefix .. 'paused') == 1 then
    for _, id in ipairs(over) do
      if try('HDEL', prefix .. 'paused', id) == 1 then try('HDEL', jobs .. id, 'paused') end
    end
  end
  for field, count in pairs(ends) do redis.pcall('HINCRBY', prefix .. 'metrics', field, whole(count)) end
  for from = 1, #spent, 1000 do redis.call('UNLINK', unpack(spent, from, math.min(from + 999, #spent))) end
  for i = 1, #messages, 2 do redis.pcall('PUBLISH', messages[i], messages[i + 1]) end
  wakeWorkers(enqueued)
end
