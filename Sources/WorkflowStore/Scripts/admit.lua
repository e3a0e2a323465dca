-- Common to the scripts that accept runs; Scripts.swift puts this text after prelude.lua, wake.lua, indexes.lua and
-- usage.lua.
-- They set `retention`, the seconds that ended runs are kept.

local time = redis.call('TIME')
local fraction = string.sub('00000' .. time[2], -6)
local now, score = time[1] .. '.' .. fraction, time[1] .. fraction
local first = '{"ts":' .. now .. ',"msg":"enqueued"}'
local arrivals, waiting, names, faults = {}, {}, {}, {}
local retention
-- The lists that runs of this call go to: of all runs, by name, and others; and the longest time that one of them is
-- kept beyond the usual.
local everyone, named, listed, longest = {}, {}, {}, 0

-- Puts a run on the lists by which it can be found.
local function list(id, name, options)
  everyone[#everyone + 1] = id
  local ids = named[name]
  if ids then ids[#ids + 1] = id else named[name] = {id} end
  if not options then return end
  local indexes = {options.owner and ':owner:' .. options.owner}
  for label, value in pairs(options.labels and cjson.decode(options.labels) or {}) do
    indexes[#indexes + 1] = ':label:' .. label .. '=' .. value
  end
  for _, index in ipairs(indexes) do
    ids = listed[index]
    if ids then ids[#ids + 1] = id else listed[index] = {id} end
  end
  local kept = (tonumber(options.retain or retention)) + math.max(0, (options.due or 0) - score / 1000) / 1000
  longest = math.max(longest, kept - retention)
end

-- Gives a class, whose runs need these operations, a number of this call; `faults` says why no run of it can be queued.
local function learn(n, operations)
  names[n] = string.sub(redis.sha1hex(operations), 1, 8)
  arrivals[n] = {}
  -- Before any run of the class is queued: a class that is not known is not taken.
  faults[n] = misfit(queueOf(names[n]), 'list')
  if not faults[n] and not try('HSETNX', classes, names[n], operations) then faults[n] = misfit(classes, 'hash') end
end

-- What a run says besides its steps, a line each: a name and a value, which its job keeps under that name. Its `start`
-- is a time, ms since 1970, or with a `+` a delay, ms: the job says `due` and `delay` then.
-- A `quota` is kept nowhere: `runs` and `bytes` that its name may have, `-` for any.
-- `due`: when it starts, ms; `deadline`: when its time is over, ms; `about`: what its claims return.
local function readOptions(text)
  local ms, options = math.floor(score / 1000), {fields = {}}
  local fields = options.fields
  local function say(field, value)
    fields[#fields + 1] = field
    fields[#fields + 1] = value
    options[field] = value
  end
  for name, value in string.gmatch(text, '(%l+) ([^\n]*)') do
    if name == 'quota' then
      options.runs, options.bytes = string.match(value, '^(%S+) (%S+)$')
    elseif name ~= 'start' then
      say(name, value)
    else
      local delay = string.match(value, '^%+(.*)$')
      local due = delay and ms + delay or value + 0
      say('due', seconds(due * 1000))
      if delay then say('delay', delay) end
      options.due, options.isPast = due, due < ms
    end
  end
  if options.limit then options.deadline = (options.due or ms) + math.ceil(options.limit * 1000) end
  if options.limit or options.retain or options.callback or options.owner then options.about = ' ' .. (options.owner or '-') end
  options.fault = misfit(ARGV[1] .. 'timers', 'zset') or misfit(ARGV[1] .. 'deadlines', 'zset')
  return options
end

-- Takes a run in, whichever script submits it.
local function admit(id, job, name, documents, class, about, options)
  if options then
    about = about .. (options.about or '')
    if #options.fields > 0 then redis.call('HSET', job, unpack(options.fields)) end
    if options.owner then countLive(options.owner, 1, #documents) end
    if options.deadline then redis.call('ZADD', ARGV[1] .. 'deadlines', whole(options.deadline), id) end
    if options.due then redis.call('ZADD', ARGV[1] .. 'timers', whole(options.due), id) end
  end
  redis.call('HSET', job, 'status', 'queued', 'run_name', name, 'created_ts', now, 'format', format,
    'run', names[class] .. about)
  redis.call('SET', ARGV[1] .. 'docs:' .. id, documents)
  local progress = ARGV[1] .. 'progress:' .. id
  if not checked(redis.pcall('RPUSH', progress, first)) then log(progress, {first}, 1, 1) end
  list(id, name, options)
  local queue, n = arrivals[class], #waiting
  if not (options and options.due) then queue[#queue + 1] = id end
  waiting[n + 1], waiting[n + 2] = score, id
end

-- Puts the runs that were taken in into their queues; the last thing that a script does before it returns.
local function enqueue()
  for class, ids in ipairs(arrivals) do
    if #ids > 0 then
      send('RPUSH', queueOf(names[class]), ids, 1, #ids)
      enqueued[names[class]] = #ids
    end
  end
  if #waiting > 0 then redis.pcall('ZADD', prefix .. 'live', unpack(waiting)) end
  local hour = whole(math.floor(time[1] / 3600))
  if #everyone > 0 then enlist('runs', hour, '', everyone, retention + longest, longest > 0) end
  for name, ids in pairs(named) do enlist('runs', hour, ':name:' .. name, ids, retention + longest, longest > 0) end
  for index, ids in pairs(listed) do enlist('runs', hour, index, ids, retention + longest, longest > 0) end
  wakeWorkers(enqueued)
end
