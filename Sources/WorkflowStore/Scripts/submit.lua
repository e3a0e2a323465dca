#!lua
--[[
Accepts runs: of each its facts, its documents, the first entry of its log, its place in a queue and its idempotency
key.

KEYS  1 leases (any key of this store, for servers that route by it)
ARGV  1 key prefix  2 seconds that an idempotency key is kept  3 number of classes, and so many words: the names of the
      operations that the runs of a class need, sorted and separated by blanks; then of each run
      the number of its class with two digits, 1 if an idempotency key follows, its job id, bytes of its documents with
        eight digits, its request id, as `01 0 b7f935c2-… 00000365 1f…`;
      its name; its documents as they lie in `docs:{id}`; its idempotency key if there is one

Returns for each {'accepted', job id}: this job, now or by an earlier sending, or the job that the same key and body
made;
                 {'conflict', job id}: the key was used with another body, for that job;
                 {'held', sentence}: its queue is no list, or its idempotency key no string; nothing of it is
                 written.
Safe to send twice: a job that is there is answered again.
]]
local now, clockText = seconds(clock()), whole(clock())
local first = {'{"ts":' .. now .. ',"msg":"enqueued"}'}
local arrivals, waiting, names, faults = {}, {}, {}, {}
for n = 1, ARGV[3] + 0 do
  names[n] = string.sub(redis.sha1hex(ARGV[3 + n]), 1, 8)
  arrivals[n] = {}
  -- Before any run of the class is queued: a class that is not known is not taken.
  faults[n] = misfit(queueOf(names[n]), 'list')
  if not faults[n] and not try('HSETNX', classes, names[n], ARGV[3 + n]) then faults[n] = misfit(classes, 'hash') end
end

-- Takes a run in. Whoever submits runs in another way comes through here, too.
local function admit(id, name, documents, class, about)
  redis.call('HSET', jobs .. id, 'status', 'queued', 'run_name', name, 'created_ts', now, 'format', format,
    'run', names[class] .. about)
  redis.call('SET', prefix .. 'docs:' .. id, documents)
  log(id, first, 1, 1)
  local list, n = arrivals[class], #waiting
  list[#list + 1] = id
  waiting[n + 1], waiting[n + 2] = clockText, id
end

local function submit(head, name, documents, key)
  local class, id = string.sub(head, 1, 2) + 0, string.sub(head, 6, 41)
  if redis.call('EXISTS', jobs .. id) == 1 then return {'accepted', id} end
  if faults[class] then return {'held', faults[class]} end
  if key then
    key = prefix .. 'idempotency:' .. key
    local digest = redis.sha1hex(#name .. ' ' .. name .. documents)
    local known = try('GET', key)
    if known == nil then return {'held', misfit(key, 'string')} end
    if known then
      local job, body = string.match(known, '^(%S+) (%S+)$')
      return {body == digest and 'accepted' or 'conflict', job}
    end
    redis.call('SET', key, id .. ' ' .. digest, 'EX', ARGV[2])
  end
  admit(id, name, documents, class, string.sub(head, 42))
  return {'accepted', id}
end

local answers, at = {}, 4 + ARGV[3]
while at <= #ARGV do
  local hasKey = string.byte(ARGV[at], 4) == 49
  answers[#answers + 1] = submit(ARGV[at], ARGV[at + 1], ARGV[at + 2], hasKey and ARGV[at + 3])
  at = at + (hasKey and 4 or 3)
end
for class, ids in ipairs(arrivals) do
  if #ids > 0 then
    send('RPUSH', queueOf(names[class]), ids, 1, #ids)
    enqueued[names[class]] = #ids
  end
end
if #waiting > 0 then redis.pcall('ZADD', prefix .. 'live', unpack(waiting)) end
wakeWorkers()
return answers
