#!lua
--[[
Accepts runs: of each its facts, its documents, the first entry of its log, its place in a queue and its idempotency
key.

KEYS  1 leases (any key of this store, for servers that route by it)
ARGV  1 key prefix  2 seconds that an idempotency key is kept  3 seconds that an ended run is kept
      4 number of classes, and a word for each: the names of the operations that the runs of a class need, sorted and
      separated by blanks; then of each run
      the number of its class with two digits, the sum of 1 if an idempotency key follows and 2 if options do, its job
        id, bytes of its documents with eight digits, its request id, as `01 0 b7f935c2-… 00000365 1f…`;
      its name; its documents as they lie in `docs:{id}`; its options; its idempotency key.
      Options are lines of a name and a value: quota, the queued and started runs and the stored bytes that the owner
      may have, `-` for any, and trace, the trace that the run belongs to: these come first and are no part of what an
      idempotency key compares; start, in ms since
      1970, or with a `+` in ms from now; limit, the seconds that it may take; retain, the seconds that
      it is kept; priority; callback, a URL; owner; labels as JSON

Returns for each 1: it is accepted, now or by an earlier sending;
                 {'accepted', job id}: that is the job that the same key and body made;
                 {'conflict', job id}: the key was used with another body, for that job;
                 {'past', job id}: its start lies in the past; nothing of it is written;
                 {'limited', 'runs' or 'bytes'}: its owner has as much as its quota says; nothing of it is written;
                 {'held', sentence}: its queue is no list, or another key of another type; nothing of it is written.
Safe to send twice: a job that is there is answered again.
]]
retention = ARGV[3] + 0
for n = 1, ARGV[4] + 0 do learn(n, ARGV[4 + n]) end

-- Why a run with these options is not accepted; nil when it is.
local function refusal(id, options, documents)
  if options.fault then return {'held', options.fault} end
  if options.isPast then return {'past', id} end
  if not options.runs then return nil end
  local runs, used, hour = 0, #documents, math.floor(time[1] / 3600)
  local fields = try('HGETALL', ARGV[1] .. 'usage:' .. options.owner) or {}
  for i = 1, #fields, 2 do
    local count = math.max(0, tonumber(fields[i + 1]) or 0)
    if fields[i] == 'runs' then runs = count end
    if fields[i] == 'bytes' or (tonumber(fields[i]) or 0) >= hour then used = used + count end
  end
  if options.runs ~= '-' and runs >= tonumber(options.runs) then return {'limited', 'runs'} end
  if options.bytes ~= '-' and used > tonumber(options.bytes) then return {'limited', 'bytes'} end
end

-- The answer to an idempotency key that is known; otherwise it is kept for this job, unless that is refused.
local function repeated(key, id, name, documents, options, isRefused)
  key = ARGV[1] .. 'idempotency:' .. key
  local digest = redis.sha1hex(#name .. ' ' .. name .. documents .. string.gsub(string.gsub(options, '^quota [^\n]*\n', ''), '^trace [^\n]*\n', ''))
  local known = try('GET', key)
  if known == nil then return {'held', misfit(key, 'string')} end
  if not known then
    if isRefused then return nil end
    redis.call('SET', key, id .. ' ' .. digest, 'EX', ARGV[2])
    return nil
  end
  local job, body = string.match(known, '^(%S+) (%S+)$')
  return {body == digest and 'accepted' or 'conflict', job}
end

local answers, at, count = {}, 5 + ARGV[4], 0
while at <= #ARGV do
  local head, name, documents = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local id, class = string.sub(head, 6, 41), string.sub(head, 1, 2) + 0
  local job, extras, answer, options = jobs .. id, string.byte(head, 4) - 48, nil, nil
  local hasKey, text = extras % 2 == 1, extras > 1 and ARGV[at + 3] or ''
  local words = 3 + (extras > 1 and 1 or 0) + (hasKey and 1 or 0)
  if redis.call('EXISTS', job) == 0 then
    options = extras > 1 and readOptions(text) or nil
    local refused = options and refusal(id, options, documents)
    answer = faults[class] and {'held', faults[class]}
      or hasKey and repeated(ARGV[at + words - 1], id, name, documents, text, refused) or refused
    if not answer then admit(id, job, name, documents, class, string.sub(head, 42), options) end
  end
  count = count + 1
  answers[count] = answer or 1
  at = at + words
end
enqueue()
return answers
