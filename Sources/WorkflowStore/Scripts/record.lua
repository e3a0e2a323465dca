#!lua flags=allow-oom
--[[
Records what the steps of claimed runs have produced since the last records of their claims, and the ends of the runs
that have come to one. One call brings the records of many runs, which do not depend on each other.

KEYS  1 leases (any key of this store, for servers that route by it)
ARGV  1 key prefix  2 seconds to keep an ended run  3 items that a store keeps  4... calls of records, each a head,
      packed as `struct` has it in the forms below, and the words that it counts. The head:
        how many words, job id; then
        what the run's hold begins with when this record is the next of its claim: `{token} {number before} 0 `,
        token and sequence number of the record within its claim (from 1),
        end: - | finished | failed | queued | suspect (the last two: handed back, to the head of the queue or the
          suspects) | parked (it waits among the timers), or part: the call only stages pieces of documents, or a
          slice of the result,
        time of the last entry of the log, bytes of the log, and of the result if its text comes in one word,
        a number, the sum of 1 if it holds a checkpoint: a step that never runs again; 2 if a step is under way now that
          may take the worker down with it; 4 if three more numbers follow; 8 if the end of the run needs what its job
          says of it; 16 if the digest of the steps ends the head: the run finishes,
        five numbers of words, the last of which follows from the first:
          entries of the progress log;
          fields of the run's outputs, each with its value: a document, or as `/3` in how many pieces it lies there;
          facts of the job, each with its value, first where placeholders replace a model's words degraded, with
          the number of such steps in this record; last of a parked run due, how many milliseconds it waits;
          appends to stores, each a store's key and an item;
          pieces of the result. When there is one, it is the text; each of several is `t` and a text, `o` and the field
          of the outputs where it lies, or `d`, a first and a last byte: of the inputs as submitted, all without the
          two.
        Three more when it is written in several calls:
          how many calls have staged documents of this record before; of such a call its number, from 1,
          bytes of the result before those that this call writes, -1 when there is none or it is written at once,
          bytes of the whole result then, else 0.

Returns {Redis's clock (µs), answer...}, an answer for each record:
        'recorded': now or by an earlier sending of the same number;
        {'lost', status}: the claim does not hold the run any more; nothing is written;
        {'behind', seq}: the claim holds the run, but Redis has lost its records after this number, or calls of this
          one; nothing is written;
        {'refused', sentence, key}: a store, whose key it names, cannot be appended to, or a document is gone (no key);
        {'held', sentence}: the run cannot go back to its queue, which is no list;
        nothing is written, and the number is not used up.
The keys of a run are made from the prefix. The caller renders the arguments, times included, because building strings
in Lua is slow. What a script handles costs by the byte: no record is much larger than 512 KiB, but for an item of a
store, which is one element of a list.
A key of a wrong type must not stop the script halfway: shared keys are looked at before anything is written, the keys
of a record before anything of that record is.
]]
local retain, most = ARGV[2], tonumber(ARGV[3])
local fault = misfits(prefix .. 'leases', 'zset')
if fault then return fault end

local firstForm, headForm, lastForm = '>I4s', '>sssssBI4I4I4I4', '>I4i8I4'
-- Where in a head what the first form reads has ended.
local headStart = 42
local now = clock()

-- Placeholders in place of a model's words.
local fallbacks = 0

-- Counts placeholders, for good and in the minute that it is, of the 60 minutes that are kept.
local function countFallbacks()
  local key, minute = prefix .. 'fallbacks', math.floor(now / 60000000)
  local field = whole(minute % 60)
  local known = redis.pcall('HGET', key, field)
  local count = type(known) == 'string' and string.match(known, '^' .. minute .. ':(%d+)$') or 0
  redis.pcall('HSET', key, field, string.format('%d:%d', minute, count + fallbacks))
  redis.pcall('EXPIRE', key, '3600')
  redis.pcall('HINCRBY', prefix .. 'metrics', 'fallbacks', whole(fallbacks))
end

-- The stores in order of first use, and what is to be appended to each.
local stores, appends = {}, {}

-- The refusal of the first store that is no list; nil when all are.
local function refusal(first, last)
  for i = first, last, 2 do
    local why = not appends[ARGV[i]] and misfit(ARGV[i], 'list')
    if why then return {'refused', why, ARGV[i]} end
  end
end

local function append(first, last)
  for i = first, last, 2 do
    local key = ARGV[i]
    if not appends[key] then
      stores[#stores + 1] = key
      appends[key] = {}
    end
    local items = appends[key]
    items[#items + 1] = ARGV[i + 1]
  end
end

-- The answer to a record of a claim that does not hold its run, or not under this token.
local function lost(job, ended)
  local found = try('HMGET', job, 'status', 'end')
  if not found then return {'lost', 'not a job any more'} end
  if found[1] ~= 'started' and found[2] == ended then return 'recorded' end
  return {'lost', found[1] or 'gone'}
end

-- Why a call of a record is not carried out; nil when it is in turn.
local function outOfTurn(known, job, ended, staged, ending)
  local token, seq = string.match(ended, '^(%S+) (%d+)$')
  if not known or known.token ~= token then return lost(job, ended) end
  if known.seq == seq then return 'recorded' end
  local last, laid = tonumber(known.seq), tonumber(known.staged)
  if last < seq - 1 then return {'behind', known.seq} end
  if last ~= seq - 1 then return {'lost', 'out of sequence'} end
  if ending == 'part' and laid >= staged then return 'recorded' end
  if staged > 0 and laid < staged - (ending == 'part' and 1 or 0) then return {'behind', known.seq} end
end

-- Writes the rest of a result, or all of it, to be kept for some seconds.
local function writeResult(id, text, written, kept)
  local key = prefix .. 'result:' .. id
  if written < 0 then return redis.call('SET', key, text, 'EX', kept) end
  local part = prefix .. 'part:' .. id
  redis.call('SETRANGE', part, whole(written), text)
  redis.call('RENAME', part, key)
  redis.call('EXPIRE', key, kept)
end

-- A hold with another number of calls that have staged documents.
local function stagedText(known, staged)
  local last = known.token .. ' ' .. known.seq
  return holdText(last, staged, known.begun, known.crashes, known.time, known.bytes, known.class)
end

-- Stages pieces of documents, or a slice of the result. The first one takes room for the whole: what grows bit by
-- bit takes twice its size.
local function stage(id, known, staged, documents, facts, text, written, total)
  local part = prefix .. 'part:' .. id
  if text and written == 0 then
    redis.call('UNLINK', part)
    redis.call('SETRANGE', part, whole(total - 1), '}')
  end
  if text then redis.call('SETRANGE', part, whole(written), text) end
  send('HSET', prefix .. 'outputs:' .. id, ARGV, documents, facts - 1)
  hold(id, stagedText(known, whole(staged)))
  return 'recorded'
end

-- Forgets what calls of a refused record have staged: another record takes its number.
local function refuse(id, known, why)
  if known and known.staged ~= '0' and why[1] == 'refused' then
    hold(id, stagedText(known, '0'))
  end
  return why
end

-- Why the keys that a record needs cannot be used; nil when they can.
local function obstacle(id, known, ending, documents, facts, stored, pieces)
  if ending == 'queued' or ending == 'suspect' then
    local why = misfit(ending == 'queued' and queueOf(known.class) or suspectsOf(known.class), 'list')
    if why then return {'held', why} end
  end
  local timers = ending == 'parked' and misfit(prefix .. 'timers', 'zset')
  if timers then return {'held', timers} end
  local why = facts > documents and misfit(prefix .. 'outputs:' .. id, 'hash')
  if why then return {'refused', why, ''} end
  return refusal(stored, pieces - 1)
end

-- Whether the jobs of all runs are there.
local areAllThere

-- Writes a record that does not end its run; false, and nothing is written, when the job that it changes is none any
-- more.
local function advance(id, job, known, ended, ending, time, bytes, flags, at, documents, facts, stored)
  if (stored > facts or ending ~= '-') and misfit(job, 'hash') then return false end
  local due
  if ending == 'parked' then
    due = math.floor(now / 1000) + ARGV[stored - 1]
    redis.call('HSET', job, 'wait', ARGV[stored - 1])
    ARGV[stored - 1] = seconds(due * 1000)
  end
  send('HSET', job, ARGV, facts, stored - 1)
  send('HSET', prefix .. 'outputs:' .. id, ARGV, documents, facts - 1)
  log(prefix .. 'progress:' .. id, ARGV, at, documents - 1)
  local crashes = flags % 2 == 1 and '0' or known.crashes
  if ending == '-' then
    hold(id, holdText(ended, '0', flags % 4 > 1 and '1' or '0', crashes, time, bytes, known.class))
  else
    local claim = {token = known.token, crashes = crashes, time = time, bytes = bytes, class = known.class}
    release(id, claim, ended, '0', ending == 'suspect', due and whole(due))
  end
  announce(id, '')
  return true
end

-- Keeps the steps of a finished run, once for all runs that have the same.
local function keepSteps(id, digest, kept)
  local key = prefix .. 'definition:' .. digest
  if redis.call('EXPIRE', key, kept, 'GT') == 1 or redis.call('EXISTS', key) == 1 then return end
  local docs = prefix .. 'docs:' .. id
  local bytes = tonumber(try('GETRANGE', docs, '0', '7') or nil)
  if bytes then redis.call('SET', key, redis.call('GETRANGE', docs, '8', whole(bytes + 7)), 'EX', kept) end
end

-- Writes a record with which its run ends; false, and nothing is written, when the job is none any more.
local function complete(id, job, start, ended, ending, time, bytes, flags, digest, staged, at, documents, facts, stored,
  result, written, class)
  if facts > documents then
    if misfit(job, 'hash') then return false end
    send('HSET', prefix .. 'outputs:' .. id, ARGV, documents, facts - 1)
  end
  -- Only the first record of a first claim finds no outputs.
  local hasOutputs = staged > 0 or not string.find(start, ' 0 0 ', -5, true) or string.sub(start, 1, 2) ~= '1-'
  local kept
  if digest then
    kept = finish(id, job, ending, retain, flags % 16 > 7, hasOutputs, ARGV, at, documents - 1, 'finished_ts', time,
      'bytes', bytes, 'end', ended, 'run', class .. ' ' .. digest, unpack(ARGV, facts, stored - 1))
  else
    kept = finish(id, job, ending, retain, flags % 16 > 7, hasOutputs, ARGV, at, documents - 1, 'finished_ts', time,
      'bytes', bytes, 'end', ended, unpack(ARGV, facts, stored - 1))
  end
  if not kept then return false end
  if digest then keepSteps(id, digest, kept) end
  if result then writeResult(id, result, written, kept) end
  announce(id, ending)
  return true
end

-- Carries out one call of a record, whose head and words are those of ARGV from one place to before another; returns
-- the answer. `text`: the run's hold.
local function record(head, next, id, job, text)
  local start, ended, ending, time, bytes, flags, n1, n2, n3, n4, rest =
    struct.unpack(headForm, ARGV[head], headStart)
  local staged, written, total = 0, -1, 0
  local isWhole, digest = flags % 8 < 4, nil
  if not isWhole then staged, written, total, rest = struct.unpack(lastForm, ARGV[head], rest) end
  if flags > 15 then digest = struct.unpack('>s', ARGV[head], rest) end
  local documents = head + 1 + n1
  local facts = documents + n2
  local stored = facts + n3
  local pieces = stored + n4
  -- A record that is the next one of its claim, and that finishes it, needs nothing else of the hold.
  local isNext = text and isWhole and string.find(text, start, 1, true) == 1
  local known, why, result
  if not isNext or ending ~= 'finished' then known = readHold(text) end
  if not isNext then why = outOfTurn(known, job, ended, staged, ending) end
  if why then return why end
  if not areAllThere and redis.call('EXISTS', job) == 0 then return {'lost', 'gone'} end
  if known or n2 + n4 > 0 then why = obstacle(id, known, ending, documents, facts, stored, pieces) end
  if not why and next > pieces then result, why = resultText(id, pieces, next, written, total) end
  if why then return refuse(id, known, why) end

  if ending == 'part' then return stage(id, known, staged, documents, facts, result, written, total) end
  if ending == 'finished' or ending == 'failed' then
    if result and (next - pieces > 1 or written >= 0) then bytes = whole(bytes + math.max(#result, total)) end
    if not complete(id, job, start, ended, ending, time, bytes, flags, digest, staged, head + 1, documents, facts, stored,
      result, written, string.sub(text, -8)) then return {'lost', 'not a job any more'} end
  elseif not advance(id, job, known, ended, ending, time, bytes, flags, head + 1, documents, facts, stored) then
    return {'lost', 'not a job any more'}
  end
  append(stored, pieces - 1)
  if n3 > 0 and ARGV[facts] == 'degraded' then fallbacks = fallbacks + ARGV[facts + 1] end
  return 'recorded'
end

-- What all runs of this call need is read at once.
local ids, jobKeys, places, at, count = {}, {}, {}, 4, 0
while at <= #ARGV do
  local words, id = struct.unpack(firstForm, ARGV[at])
  count = count + 1
  ids[count], jobKeys[count], places[count] = id, jobs .. id, at
  at = at + 1 + words
end
places[count + 1] = at
local found = redis.pcall('HMGET', holds, unpack(ids))
if found.err then return misfits(holds, 'hash') or found end
areAllThere = redis.call('EXISTS', unpack(jobKeys)) == count
local answers = {whole(now)}
for n = 1, count do answers[n + 1] = record(places[n], places[n + 1], ids[n], jobKeys[n], found[n]) end
for _, store in ipairs(stores) do
  local items = appends[store]
  if send('RPUSH', store, items, 1, #items) > most then redis.call('LTRIM', store, whole(-most), '-1') end
  redis.call('EXPIRE', store, retain)
end
if fallbacks > 0 then countFallbacks() end
settle()
return answers
