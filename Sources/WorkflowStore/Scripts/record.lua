#!lua flags=allow-oom
--[[
Records what the steps of claimed runs have produced since the last records of their claims, and the ends of the runs
that have come to one. One call brings the records of many runs; each stands for itself.

KEYS  1 leases  2 queue  3 suspects  4 repairs  5 live runs  6 idle workers
ARGV  1 key prefix  2 seconds to keep an ended run  3 items that a store keeps  4 wake channel  5... records, each of
      job id, token, sequence number within its claim (from 1),
      end: '' | 'finished' | 'failed' | 'queued' | 'suspect' (handed back, to the head of the queue or of the suspects)
           | 'declined' | 'declined suspect' (the same, to the tail: this worker cannot run it, others may),
      1 if it holds a checkpoint: a step that never runs again,
      four numbers of words, and so many words:
        entries of the progress log;
        fields of the job, each with its value: seq, last_ts and begun, then where a placeholder stands in for a model's
          words degraded, with the number of such steps in this record, then others;
        appends to stores, each a store's key and an item;
        pieces of the result, each 'text' and a text, or 'field' and the name of the job's field where it lies.

Returns {Redis's clock (µs), answer...}, an answer for each record:
        'recorded': now or by an earlier sending of the same number;
        {'lost', status}: the claim does not hold the run any more; nothing is written;
        {'behind', seq}: the claim holds the run, but Redis has lost its records after this number; nothing is written;
        {'refused', sentence, key}: a store, whose key it names, cannot be appended to, or a document is gone (no key);
        {'held', sentence}: the run cannot go back to its queue, which is no list;
        nothing is written, and the number is not used up.
The keys of a run are made from the prefix. All texts come ready, times included: what passes through Lua costs by the byte.
A key of a wrong type must not stop the script halfway: the leases are looked at before anything is written, the keys of a
record before anything of that record is.
]]
local prefix, retain, most, wake = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local fault = misfit({'zset'})
if fault then return fault end

-- Placeholders that stand in for a model's words.
local fallbacks = 0

-- Counts placeholders in the minute that it is, of the 60 minutes that are kept.
local function countFallbacks()
  local key, minute = prefix .. 'fallbacks', math.floor(clock() / 60000000)
  local known = redis.pcall('HGET', key, minute % 60)
  local count = type(known) == 'string' and string.match(known, '^' .. minute .. ':(%d+)$') or 0
  redis.pcall('HSET', key, minute % 60, string.format('%d:%d', minute, count + fallbacks))
  redis.pcall('EXPIRE', key, 3600)
end

-- The stores in order of first use, what is to be appended to each, the runs whose leases end, and those that are over.
local stores, appends, ended, over = {}, {}, {}, {}

-- Hands a command its key and the words of a list from one to another, in portions that Lua's stack can hold.
local function send(command, key, words, first, last)
  local answer
  for from = first, last, 1000 do
    answer = redis.call(command, key, unpack(words, from, math.min(from + 999, last)))
  end
  return answer
end

-- Bytes of the words of a list from one to another.
local function size(words, first, last)
  local bytes = 0
  for i = first, last do bytes = bytes + #words[i] end
  return bytes
end

-- Appends entries to a progress log. A log of another type is begun anew; else nothing of the run could ever be recorded.
local function log(progress, first, last)
  if first > last then return end
  local pushed = try('RPUSH', progress, unpack(ARGV, first, math.min(first + 999, last)))
  if not pushed then
    redis.call('DEL', progress)
    redis.pcall('HINCRBY', KEYS[4], 'logs_of_wrong_type', 1)
    return send('RPUSH', progress, ARGV, first, last)
  end
  send('RPUSH', progress, ARGV, first + 1000, last)
end

-- The refusal of the first store that is no list; nil when all are.
local function refusal(first, last)
  for i = first, last, 2 do
    if not appends[ARGV[i]] then
      local kind = redis.call('TYPE', ARGV[i]).ok
      if kind ~= 'list' and kind ~= 'none' then
        return {'refused', ARGV[i] .. ' is a ' .. kind .. ', not a list', ARGV[i]}
      end
    end
  end
end

-- The text of a result, and the fields of the job that are spent once it is written; nil and a field that is gone.
local function result(job, first, last)
  if last - first == 1 and ARGV[first] == 'text' then return ARGV[last], {} end
  local pieces, names, places = {}, {}, {}
  for i = first, last, 2 do
    pieces[#pieces + 1] = ARGV[i + 1]
    if ARGV[i] == 'field' then
      names[#names + 1] = ARGV[i + 1]
      places[#places + 1] = #pieces
    end
  end
  local spent = {}
  for from = 1, #names, 1000 do
    local documents = redis.call('HMGET', job, unpack(names, from, math.min(from + 999, #names)))
    for n, document in ipairs(documents) do
      local name = names[from + n - 1]
      if not document then return nil, name end
      pieces[places[from + n - 1]] = document
      spent[#spent + 1] = name
      local step = string.match(name, '^stored:(.*)$')
      if step then spent[#spent + 1] = 'place:' .. step end
    end
  end
  return table.concat(pieces), spent
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

-- Writes one record, whose parts begin at these places of ARGV and end before `next`.
local function record(head, entries, changes, stored, pieces, next)
  local id, seq, ending = ARGV[head], ARGV[head + 2], ARGV[head + 3]
  local key, progress = prefix .. 'job:' .. id, prefix .. 'progress:' .. id
  local job = try('HMGET', key, 'token', 'seq', 'status', 'crashes')
  if not job then return {'lost', 'not a job any more'} end
  if job[1] ~= ARGV[head + 1] then return {'lost', job[3] or 'gone'} end
  if job[2] == seq then return 'recorded' end
  if job[3] ~= 'started' then return {'lost', job[3]} end
  local known = tonumber(job[2])
  if known and known < seq - 1 then return {'behind', job[2]} end
  if known ~= seq - 1 then return {'lost', 'out of sequence'} end
  local queue = (ending == 'queued' or ending == 'declined') and KEYS[2]
    or (ending == 'suspect' or ending == 'declined suspect') and KEYS[3]
  if queue then
    local kind = redis.call('TYPE', queue).ok
    if kind ~= 'list' and kind ~= 'none' then return {'held', queue .. ' is a ' .. kind .. ', not a list'} end
  end
  local refused = refusal(stored, pieces - 1)
  if refused then return refused end
  local written = size(ARGV, entries, changes - 1)
  if ending == 'finished' then
    local text, spent = result(key, pieces, next - 1)
    if not text then return {'refused', 'the document ' .. spent .. ' is gone', ''} end
    redis.call('SET', prefix .. 'result:' .. id, text, 'EX', retain)
    written = written + #text
    send('HDEL', key, spent, 1, #spent)
  end
  append(stored, pieces - 1)
  log(progress, entries, changes - 1)
  send('HSET', key, ARGV, changes, stored - 1)
  if ARGV[changes + 6] == 'degraded' then fallbacks = fallbacks + ARGV[changes + 7] end
  redis.pcall('HINCRBY', key, 'bytes', written)
  if ARGV[head + 4] == '1' and job[4] and job[4] ~= '0' then redis.call('HSET', key, 'crashes', 0) end
  if ending ~= '' then
    ended[#ended + 1] = id
    if queue then
      redis.call('HDEL', key, 'silent')
      local isDeclined = ending == 'declined' or ending == 'declined suspect'
      -- One that has not begun anywhere yet has no start.
      local entries = isDeclined and try('LLEN', progress)
      if entries and entries < 2 then redis.call('HDEL', key, 'started_ts') end
      enqueue(isDeclined and 'RPUSH' or 'LPUSH', queue, id)
    else
      over[#over + 1] = id
      redis.call('EXPIRE', key, retain)
      redis.call('EXPIRE', progress, retain)
    end
  end
  announce(prefix .. 'events:' .. id, ending)
  return 'recorded'
end

local answers = {string.format('%.0f', clock())}
local head = 5
while head <= #ARGV do
  local entries = head + 9
  local changes = entries + ARGV[head + 5]
  local stored = changes + ARGV[head + 6]
  local pieces = stored + ARGV[head + 7]
  local next = pieces + ARGV[head + 8]
  answers[#answers + 1] = record(head, entries, changes, stored, pieces, next)
  head = next
end

send('ZREM', KEYS[1], ended, 1, #ended)
if #over > 0 and redis.call('TYPE', KEYS[5]).ok == 'zset' then send('ZREM', KEYS[5], over, 1, #over) end
for _, store in ipairs(stores) do
  local items = appends[store]
  if send('RPUSH', store, items, 1, #items) > most then redis.call('LTRIM', store, -most, -1) end
  redis.call('EXPIRE', store, retain)
end
if fallbacks > 0 then countFallbacks() end
publish()
wakeWorkers(KEYS[6], wake)
return answers
