-- Common to the scripts that accept runs; Scripts.swift puts this text after prelude.lua and wake.lua.

local time = redis.call('TIME')
local fraction = string.sub('00000' .. time[2], -6)
local now, score = time[1] .. '.' .. fraction, time[1] .. fraction
local first = '{"ts":' .. now .. ',"msg":"enqueued"}'
local arrivals, waiting, names, faults = {}, {}, {}, {}

-- Gives a class, whose runs need these operations, a number of this call; `faults` says why no run of it can be queued.
local function learn(n, operations)
  names[n] = string.sub(redis.sha1hex(operations), 1, 8)
  arrivals[n] = {}
  -- Before any run of the class is queued: a class that is not known is not taken.
  faults[n] = misfit(queueOf(names[n]), 'list')
  if not faults[n] and not try('HSETNX', classes, names[n], operations) then faults[n] = misfit(classes, 'hash') end
end

-- What a run says besides its steps: when it starts, ms, when its time is over, ms, and fields of its job.
local function readOptions(text)
  local start, limit, retain, priority, callback, labels = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
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
  say('callback', callback)
  say('labels', labels)
  options.callback = callback ~= '-' and callback or nil
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

-- Puts the runs that were taken in into their queues; the last thing that a script does before it returns.
local function enqueue()
  for class, ids in ipairs(arrivals) do
    if #ids > 0 then
      send('RPUSH', queueOf(names[class]), ids, 1, #ids)
      enqueued[names[class]] = #ids
    end
  end
  if #waiting > 0 then redis.pcall('ZADD', prefix .. 'live', unpack(waiting)) end
  wakeWorkers(enqueued)
end
