#!lua flags=allow-oom
--[[
Records what a claim's steps have produced since its last record, and the end of the run if it has come to one.

KEYS  1 job  2 progress  3 result  4 leases  5 queue  6... stores that this record appends to
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
for i = 6, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'list' and kind ~= 'none' then
    return {'refused', KEYS[i] .. ' is a ' .. kind .. ', not a list', KEYS[i]}
  end
end

local now, last = clock(), microseconds(job[4])
local function stamp(age)
  last = math.max(last, now - age)
  return '{"ts":' .. seconds(last) .. ','
end

-- `changes` go to the job. `pieces` make up the result: texts, or names of documents, of which `fresh` has those of this
-- record; what lies in Redis is `spent`, not needed there any more once it is in the result.
local entries, changes, fresh, pieces, spent, stored = {}, {}, {}, {}, {}, {}
local checkpoint = false

local function set(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

local function keep(field, value)
  fresh[field] = value
  if ending ~= 'finished' then set(field, value) end
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
    if what == 'text' then
      pieces[#pieces + 1] = text
    else
      local field = what .. text
      pieces[#pieces + 1] = fresh[field] or false
      if not fresh[field] then
        spent[#spent + 1] = {place = #pieces, field = field}
      end
    end
    i = i + 3
  else
    set('error_code', ARGV[i + 1])
    set('error', ARGV[i + 2])
    i = i + 3
  end
end

local fields = {}
for first = 1, #spent, 1000 do
  local names = {}
  for n = first, math.min(first + 999, #spent) do names[#names + 1] = spent[n].field end
  for n, document in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
    if not document then return {'refused', 'the document ' .. names[n] .. ' is gone', ''} end
    pieces[spent[first + n - 1].place] = document
    fields[#fields + 1] = names[n]
    local step = string.match(names[n], '^stored:(.*)$')
    if step then fields[#fields + 1] = 'place:' .. step end
  end
end

for n = 1, #stored, 2 do
  if redis.call('RPUSH', stored[n], stored[n + 1]) > tonumber(ARGV[5]) then
    redis.call('LTRIM', stored[n], -ARGV[5], -1)
  end
end
for n = 6, #KEYS do redis.call('EXPIRE', KEYS[n], ARGV[4]) end
append(KEYS[2], entries)
set('seq', seq)
set('last_ts', seconds(last))
if checkpoint and job[5] and job[5] ~= '0' then set('crashes', 0) end
if ARGV[8] ~= job[6] then set('begun', ARGV[8]) end
if ending ~= '' then
  set('status', ending)
  redis.call('ZREM', KEYS[4], id)
  if ending == 'queued' then enqueue('LPUSH', KEYS[5], id, ARGV[7])
  else set('finished_ts', seconds(last)) end
end
if ending == 'finished' then
  redis.call('SET', KEYS[3], table.concat(pieces), 'EX', ARGV[4])
  for first = 1, #fields, 1000 do
    redis.call('HDEL', KEYS[1], unpack(fields, first, math.min(first + 999, #fields)))
  end
end
for first = 1, #changes, 1000 do
  redis.call('HSET', KEYS[1], unpack(changes, first, math.min(first + 999, #changes)))
end
if ending == 'finished' or ending == 'failed' then
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
redis.call('PUBLISH', ARGV[6], ending)
return {'recorded'}
