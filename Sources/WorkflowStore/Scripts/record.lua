#!lua flags=allow-oom
--[[
Records what a claim's steps have produced since its last record, and the end of the run if it has come to one.

KEYS  1 job  2 documents  3 progress  4 result  5 leases  6 queue  7... stores that this record appends to
ARGV  1 job id  2 token  3 sequence number of this record within its claim, from 1  4 seconds to keep an ended run
      5 items that a store keeps  6 events channel  7 wake channel  8 1 while a step is under way that may crash the worker
      9 end of the run: '' | 'finished' | 'failed' | 'queued' (handed back)  10... items, each headed by its kind:
      'entry'  age (µs)  the entry's members after its time
      'done'   age (µs)  step  outputs (JSON)  1 if the entry shows them         a checkpoint: the step never runs again
      'store'  number of the store's key in KEYS  step  its place, as `order,"namespace"`  value (JSON)
      'piece'  'text' | 'inputs' | 'out:' | 'stored:'  text, '' or step          a piece of the result, in order
      'error'  code  sentence                                                    why the run failed

Returns {'recorded'}: now or by an earlier sending of the same number;
        {'lost', status}: the claim does not hold the run any more; nothing is written;
        {'refused', sentence, key}: a store, whose key it names, cannot be appended to, or a document is gone (no key);
        nothing is written, and the number is not used up.
An entry's time is Redis's clock less the entry's age, never below the entry before.
]]
local id, seq, ending = ARGV[1], tonumber(ARGV[3]), ARGV[9]
local job = redis.call('HMGET', KEYS[1], 'token', 'seq', 'status', 'last_ts', 'crashes', 'begun')
if job[1] ~= ARGV[2] then return {'lost', job[3] or 'gone'} end
if tonumber(job[2]) == seq then return {'recorded'} end
if job[3] ~= 'started' then return {'lost', job[3]} end
if tonumber(job[2]) ~= seq - 1 then return {'lost', 'out of sequence'} end
for i = 7, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'list' and kind ~= 'none' then return {'refused', KEYS[i] .. ' is a ' .. kind .. ', not a list', KEYS[i]} end
end

local now, last = clock(), microseconds(job[4])
local function stamp(age)
  last = math.max(last, now - age)
  return '{"ts":' .. seconds(last) .. ','
end

local entries, documents, fresh, spent, pieces, stored = {}, {}, {}, {}, {}, {}
local checkpoint, code, reason = false, nil, nil

-- A document of this record, or of an earlier one; what lies in Redis is not needed there once it is in the result.
local function document(kind, step)
  local field = kind .. step
  if fresh[field] then return fresh[field] end
  spent[#spent + 1] = field
  if kind == 'stored:' then spent[#spent + 1] = 'place:' .. step end
  return redis.call('HGET', KEYS[2], field)
end

local function keep(field, value)
  fresh[field] = value
  if ending == 'finished' then return end
  documents[#documents + 1] = field
  documents[#documents + 1] = value
end

local i = 10
while i <= #ARGV do
  local kind = ARGV[i]
  if kind == 'entry' then
    entries[#entries + 1] = stamp(ARGV[i + 1]) .. ARGV[i + 2]
    i = i + 3
  elseif kind == 'done' then
    local step, outputs = ARGV[i + 2], ARGV[i + 3]
    local shown = ARGV[i + 4] == '1' and '"outputs":' .. outputs or '"outputs_omitted":true'
    entries[#entries + 1] = stamp(ARGV[i + 1]) .. '"msg":"step_done","step":"' .. step .. '",' .. shown .. '}'
    keep('out:' .. step, outputs)
    checkpoint = true
    i = i + 5
  elseif kind == 'store' then
    local step, value = ARGV[i + 2], ARGV[i + 4]
    stored[#stored + 1] = KEYS[tonumber(ARGV[i + 1])]
    stored[#stored + 1] = '{"job_id":"' .. id .. '","step":"' .. step .. '","data":' .. value .. '}'
    keep('place:' .. step, ARGV[i + 3])
    keep('stored:' .. step, value)
    i = i + 5
  elseif kind == 'piece' then
    local what, text = ARGV[i + 1], ARGV[i + 2]
    local piece = what == 'text' and text or document(what, text)
    if not piece then return {'refused', 'the document ' .. what .. text .. ' is gone', ''} end
    pieces[#pieces + 1] = piece
    i = i + 3
  else
    code, reason = ARGV[i + 1], ARGV[i + 2]
    i = i + 3
  end
end

for n = 1, #stored, 2 do
  if redis.call('RPUSH', stored[n], stored[n + 1]) > tonumber(ARGV[5]) then
    redis.call('LTRIM', stored[n], -ARGV[5], -1)
  end
  redis.call('EXPIRE', stored[n], ARGV[4])
end
append(KEYS[3], entries)
for first = 1, #documents, 1000 do
  redis.call('HSET', KEYS[2], unpack(documents, first, math.min(first + 999, #documents)))
end
local changes = {'seq', seq, 'last_ts', seconds(last)}
local function set(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end
if checkpoint and job[5] and job[5] ~= '0' then set('crashes', 0) end
if ARGV[8] ~= job[6] then set('begun', ARGV[8]) end
if ending ~= '' then
  set('status', ending)
  redis.call('ZREM', KEYS[5], id)
  if ending == 'queued' then enqueue('LPUSH', KEYS[6], id, ARGV[7])
  else set('finished_ts', seconds(last)) end
end
if ending == 'finished' then
  redis.call('SET', KEYS[4], table.concat(pieces), 'EX', ARGV[4])
  for first = 1, #spent, 1000 do
    redis.call('HDEL', KEYS[2], unpack(spent, first, math.min(first + 999, #spent)))
  end
elseif ending == 'failed' then
  set('error_code', code)
  set('error', reason)
end
redis.call('HSET', KEYS[1], unpack(changes))
if ending == 'finished' or ending == 'failed' then
  for key = 1, 3 do redis.call('EXPIRE', KEYS[key], ARGV[4]) end
end
redis.call('PUBLISH', ARGV[6], ending)
return {'recorded'}
