#!lua
--[[
Accepts runs: of each its facts, its documents, the first entry of its log, its place in a queue and its idempotency
key.

KEYS  1 leases (any key of this store, for servers that route by it)
ARGV  1 key prefix  2 seconds that an idempotency key is kept  3 number of classes, and so many words: the names of the
      operations that the runs of a class need, sorted and separated by blanks; then of each run
      the number of its class with two digits, the sum of 1 if an idempotency key follows and 2 if options do, its job
        id, bytes of its documents with eight digits, its request id, as `01 0 b7f935c2-… 00000365 1f…`;
      its name; its documents as they lie in `docs:{id}`; its options; its idempotency key.
      Options are five words, `-` for what is not said: its start, in ms since 1970, or with a `+` in ms from now; the
      seconds that it may take, the seconds that it is kept, its priority, its labels as JSON

Returns for each 1: it is accepted, now or by an earlier sending;
                 {'accepted', job id}: that is the job that the same key and body made;
                 {'conflict', job id}: the key was used with another body, for that job;
                 {'past', job id}: its start lies in the past; nothing of it is written;
                 {'held', sentence}: its queue is no list, or another key of another type; nothing of it is written.
Safe to send twice: a job that is there is answered again.
]]
local time = redis.call('TIME')
local fraction = string.sub('00000' .. time[2], -6)
local now, score = time[1] .. '.' .. fraction, time[1] .. fraction
local first = '{"ts":' .. now .. ',"msg":"enqueued"}'
local arrivals, waiting, names, faults = {}, {}, {}, {}
for n = 1, ARGV[3] + 0 do
  names[n] = string.sub(redis.sha1hex(ARGV[3 + n]), 1, 8)
  arrivals[n] = {}
  -- Before any run of the class is queued: a class that is not known is not taken.
  faults[n] = misfit(queueOf(names[n]), 'list')
  if not faults[n] and not try('HSETNX', classes, names[n], ARGV[3 + n]) then faults[n] = misfit(classes, 'hash') end
end

-- What a run says besides its steps: when it starts, ms, when its time is over, ms, and fields of its job.
local function readOptions(text)
  local start, limit, retain, priority, labels = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (.*)$')
  local ms, due = math.floor(score / 1000), nil
  if start ~= '-' then due = string.byte(start) == 43 and ms + string.sub(start, 2) or start + 0 end
  local options = {isPast = due and due < ms, due = due, about = ' ' .. retain .. (limit ~= '-' and ' 1' or ''), fields = {}}
  local function say(field, value)
    if value == '-' then return end
    options.fields[#options.fields + 1] = field
    options.fields[#options.fields + 1] = value
  end
  if due then say('due', seconds(due * 1000)) end
  if string.byte(start) == 43 then say('delay', string.sub(start, 2)) end
  if limit ~= '-' then options.deadline = (due or ms) + math.ceil(limit * 1000) end
  say('limit', limit)
  say('retain', retain)
  say('priority', priority)
  say('labels', labels)
  options.fault = misfit(ARGV[1] .. 'timers', 'zset') or misfit(ARGV[1] .. 'deadlines', 'zset')
  return options
end

-- Takes a run in. Whoever submits runs in another way comes through here, too.
local function admit(id, job, name, documents, class, about, options)
  if options then
    about = about .. options.about
    if #options.fields > 0 then redis.call('HSET', job, unpack(options.fields)) end
    if options.deadline then redis.call('ZADD', ARGV[1] .. 'deadlines', whole(options.deadline), id) end
    if options.due then redis.call('ZADD', ARGV[1] .. 'timers', whole(options.due), id) end
  end
  redis.call('HSET', job, 'status', 'queued', 'run_name', name, 'created_ts', now, 'format', format,
    'run', names[class] .. about)
  redis.call('SET', ARGV[1] .. 'docs:' .. id, documents)
  local progress = ARGV[1] .. 'progress:' .. id
  if not checked(redis.pcall('RPUSH', progress, first)) then log(progress, {first}, 1, 1) end
  local list, n = arrivals[class], #waiting
  if not (options and options.due) then list[#list + 1] = id end
  waiting[n + 1], waiting[n + 2] = score, id
end

-- The answer to an idempotency key that is known; otherwise it is kept for this job.
local function repeated(key, id, name, documents, options)
  key = ARGV[1] .. 'idempotency:' .. key
  local digest = redis.sha1hex(#name .. ' ' .. name .. documents .. options)
  local known = try('GET', key)
  if known == nil then return {'held', misfit(key, 'string')} end
  if not known then
    if options ~= '' and readOptions(options).isPast then return nil end
    redis.call('SET', key, id .. ' ' .. digest, 'EX', ARGV[2])
    return nil
  end
  local job, body = string.match(known, '^(%S+) (%S+)$')
  return {body == digest and 'accepted' or 'conflict', job}
end

local answers, at, count = {}, 4 + ARGV[3], 0
while at <= #ARGV do
  local head, name, documents = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local id, class = string.sub(head, 6, 41), string.sub(head, 1, 2) + 0
  local job, extras, answer, options = jobs .. id, string.byte(head, 4) - 48, nil, nil
  local hasKey, text = extras % 2 == 1, extras > 1 and ARGV[at + 3] or ''
  local words = 3 + (extras > 1 and 1 or 0) + (hasKey and 1 or 0)
  if redis.call('EXISTS', job) == 0 then
    answer = faults[class] and {'held', faults[class]} or hasKey and repeated(ARGV[at + words - 1], id, name, documents, text)
    options = not answer and extras > 1 and readOptions(text) or nil
    if options then answer = options.fault and {'held', options.fault} or options.isPast and {'past', id} end
    if not answer then admit(id, job, name, documents, class, string.sub(head, 42), options) end
  end
  count = count + 1
  answers[count] = answer or 1
  at = at + words
end
for class, ids in ipairs(arrivals) do
  if #ids > 0 then
    send('RPUSH', queueOf(names[class]), ids, 1, #ids)
    enqueued[names[class]] = #ids
  end
end
if #waiting > 0 then redis.pcall('ZADD', prefix .. 'live', unpack(waiting)) end
wakeWorkers(enqueued)
return answers
