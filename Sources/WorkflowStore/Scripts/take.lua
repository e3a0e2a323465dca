#!lua
--[[
Takes entries out of the inbox, or out of those that wait for a worker with their operations. Each becomes a run, a
failed job, or an entry of `inbox:refused` in the same go, so none is lost or taken twice, wherever a worker dies. An
entry that is not where the caller has read it is left alone: another worker has taken it.

KEYS  1 inbox or inbox:waiting  2 inbox:waiting  3 inbox:refused
ARGV  1 key prefix  2 seconds to keep failed jobs and refused entries  3 how many refused entries are kept
      4 the error of a run whose start lies in the past  5 position of the first entry
      then of each entry, in the order of the list, eight words:
      its digest; what becomes of it; what the keys of its run's partition start with; and
        run     the operations that it needs; its facts, its name, its documents, its options as submit.lua takes them
        fail    its job id, the name of the run, the error, the same as JSON, its callback_url or ''
        refuse  members of a JSON object, '', '', '', ''
        wait    '', '', '', '', ''
        move    '', '', '', '', '': it is in the list of its partition by now
        stay    '', '', '', '', ''

Returns for each 'run', 'failed', 'refused', 'waits', 'moved', 'stays'; 'known': there is a job with its id; it is
removed; 'gone': it was not there; or the sentence that says which key has the wrong type; it stays.
Safe to send twice: the entries are gone then; an equal one has the same id.
The inbox has no braces in its name, so in a Redis Cluster it is in another slot than runs of several partitions: there
its entries are only moved or stay, and all keys are the inbox.
]]
for _, key in ipairs(KEYS) do
  local why = misfit(key, 'list')
  if why then return redis.error_reply('WRONGTYPE ' .. why) end
end
local at, entry, print = tonumber(ARGV[5]), nil, nil
local states = {}
retention = ARGV[2] + 0

-- Whether the entry at this position is the one that the caller has read. It is read again only where it changes.
local function isThere(wanted)
  if not print then
    entry = redis.call('LINDEX', KEYS[1], whole(at))
    print = entry and digest(entry) or ''
  end
  return print == wanted
end

-- Has all that follows happen in the partition whose keys start so.
local function enter(start)
  local state = states[start]
  if not state then
    state = {arrivals = {}, waiting = {}, names = {}, faults = {}, enqueued = {}, numbers = {}, listed = {}}
    states[start] = state
  end
  ARGV[1], prefix, jobs, holds, classes = start, start, start .. 'job:', start .. 'holds', start .. 'classes'
  arrivals, waiting, names, faults, enqueued = state.arrivals, state.waiting, state.names, state.faults, state.enqueued
  listed = state.listed
  return state
end

local function classOf(state, operations)
  local n = state.numbers[operations]
  if not n then
    n = #names + 1
    state.numbers[operations] = n
    learn(n, operations)
  end
  return n
end

local function fail(id, name, message, json, callback)
  if redis.call('EXISTS', jobs .. id) == 1 then return 'known' end
  local last = '{"ts":' .. now .. ',"msg":"failed","error_code":"invalid_request","error":' .. json .. '}'
  redis.call('HSET', jobs .. id, 'status', 'failed', 'run_name', name, 'created_ts', now, 'finished_ts', now,
    'format', format, 'error_code', 'invalid_request', 'error', message, 'bytes', whole(#first + #last))
  redis.call('EXPIRE', jobs .. id, ARGV[2])
  log(prefix .. 'progress:' .. id, {first, last}, 1, 2)
  redis.call('EXPIRE', prefix .. 'progress:' .. id, ARGV[2])
  redis.call('SET', prefix .. 'docs:' .. id, '00000002[]{}', 'EX', ARGV[2])
  list(id, name)
  enlist('ended', whole(math.floor(time[1] / 3600)), ':failed', {id}, retention)
  if callback and callback ~= '' then report(id, callback) end
  redis.pcall('HINCRBY', prefix .. 'metrics', 'runs_ended:failed', '1')
  redis.pcall('HINCRBY', prefix .. 'metrics', 'runs_failed:invalid_request', '1')
  redis.pcall('PUBLISH', ARGV[1] .. 'events:' .. id, 'failed')
  return 'failed'
end

local function run(state, needs, head, name, documents, text)
  local id = string.sub(head, 6, 41)
  if redis.call('EXISTS', jobs .. id) == 1 then return 'known' end
  local class, options = classOf(state, needs), text ~= '' and readOptions(text) or nil
  local fault = faults[class] or options and options.fault
  if fault then return fault, true end
  if options and options.isPast then return fail(id, name, ARGV[4], '"' .. ARGV[4] .. '"', options.callback) end
  admit(id, jobs .. id, name, documents, class, string.sub(head, 42), options)
  return 'run'
end

local function refuse(members)
  redis.call('RPUSH', KEYS[3], '{"ts":' .. now .. ',' .. members .. '}')
  redis.call('LTRIM', KEYS[3], '-' .. ARGV[3], '-1')
  redis.call('EXPIRE', KEYS[3], ARGV[2])
  return 'refused'
end

local function wait()
  if KEYS[1] == KEYS[2] then return 'waits', true end
  redis.call('RPUSH', KEYS[2], whole(math.floor(score / 1000)) .. ' ' .. entry)
  return 'waits'
end

-- Returns what becomes of the entry, and whether it stays where it is.
local function handle(what, start, ...)
  if what == 'refuse' then return refuse(...) end
  if what == 'wait' then return wait() end
  if what == 'move' then return 'moved' end
  if what == 'stay' then return 'stays', true end
  local state = enter(start)
  if what == 'fail' then return fail(...) end
  return run(state, ...)
end

local answers = {}
for i = 6, #ARGV, 8 do
  local outcome, stays = 'gone', false
  if isThere(ARGV[i]) then
    outcome, stays = handle(unpack(ARGV, i + 1, i + 7))
    if stays then at = at + 1
    elseif at == 0 then redis.call('LTRIM', KEYS[1], '1', '-1')
    else redis.call('LREM', KEYS[1], '1', entry) end
    print = nil
  end
  answers[#answers + 1] = outcome
end
for start in pairs(states) do
  enter(start)
  enqueue()
end
return answers
