#!lua flags=allow-oom
--[[
Looks at a part of the live runs, those that are queued or started, for those that no worker would claim, and repairs
them. wf's own scripts leave none; somebody who deletes keys by hand, or a Redis that evicts, may. One worker at a time does
that: the one that did it last, unless that is longer ago than a lease. A run that is among the timers waits for its
time: it is in order without a queue entry, and waits no longer than it was to.

The set of live runs itself is repaired by a slow look through all keys.

KEYS  1 leases  2 recovery  3 timers  4 deadlines
ARGV  1 key prefix  2 where the look at the live runs continues, '' to begin  3 how many to look at
      4 cursor of the look through all keys, 0 to begin  5 about how many to look at  6 lease (ms)
      7 length of the queues over which they are not searched  8 crashes that end a run  9 worker id
      10 seconds that an ended run is kept

Returns nil when another worker does it, else
        {where to continue, '' when all live runs have been seen; cursor, 0 when all keys have; job id, what it was...}:
        'started without a lease': it gets one, which its worker, if it lives, renews, and which lapses otherwise;
        'queued without a queue entry': it goes to the head of its queue;
        'queued in an unknown class': nothing is done; the caller makes the class known.
Safe to send twice: what is repaired is found to be in order.
]]
local fault = misfits(KEYS[1], 'zset', KEYS[2], 'hash', KEYS[3], 'zset', KEYS[4], 'zset', classes, 'hash', holds, 'hash')
if fault then return fault end
local now = math.floor(clock() / 1000)
local last = redis.call('HMGET', KEYS[2], 'sweeper', 'reconciled')
local age = now - (tonumber(last[2]) or 0)
if last[1] and last[1] ~= ARGV[9] and age >= 0 and age <= tonumber(ARGV[6]) then return false end

local report = {'', '0'}
local function tell(id, what, counter)
  redis.pcall('HINCRBY', prefix .. 'repairs', counter, '1')
  report[#report + 1] = id
  report[#report + 1] = what
end

-- Status, crashes, format and class of a job; nothing when it is no job.
local function read(id)
  local job = isJobID(id) and try('HMGET', jobs .. id, 'status', 'crashes', 'format', 'run', 'again') or {}
  local _, crashes = string.match(job[5] or '', againPattern)
  return {job[1], crashes or job[2], job[3], job[4] and string.sub(job[4], 1, 8)}
end

-- All lists where runs wait, those of older versions included.
local lists, isShort = {}, nil
for _, name in ipairs({'queue:1', 'suspects:1', 'queue:2', 'suspects:2'}) do lists[#lists + 1] = prefix .. name end
for _, class in ipairs(redis.call('HKEYS', classes)) do
  lists[#lists + 1] = queueOf(class)
  lists[#lists + 1] = suspectsOf(class)
end

local total = 0
for _, list in ipairs(lists) do
  fault = misfits(list, 'list')
  if fault then return fault end
  total = total + redis.call('LLEN', list)
end
isShort = total <= tonumber(ARGV[7])

-- The runs that the queues hold, by id.
local entries
local function isEnqueued(id)
  if not entries then
    entries = {}
    for _, list in ipairs(lists) do
      for _, entry in ipairs(redis.call('LRANGE', list, '0', '-1')) do entries[entry] = true end
    end
  end
  return entries[id]
end

-- The list where a run is to wait.
local function listOf(job)
  local asSuspect = isSuspect(job[2] or 0, ARGV[8])
  if job[3] == '1' then return prefix .. (asSuspect and 'suspects:1' or 'queue:1') end
  return asSuspect and suspectsOf(job[4]) or queueOf(job[4])
end

local function lookAtQueued(id, job)
  if redis.call('ZSCORE', KEYS[3], id) then return end
  if job[3] ~= '1' and redis.call('HEXISTS', classes, job[4] or '') == 0 then
    return tell(id, 'queued in an unknown class', 'unknown_classes')
  end
  if not isShort or isEnqueued(id) then return end
  redis.call('LPUSH', listOf(job), id)
  local class = job[4] or ''
  enqueued[class] = (enqueued[class] or 0) + 1
  tell(id, 'queued without a queue entry', 'runs_without_entry')
end

-- Keeps the lists on which an old run is, because it will be kept for its time after its end.
local function keepLists(id, since)
  local hour = whole(math.floor(since / 3600000000))
  local job = try('HMGET', jobs .. id, 'run_name', 'owner', 'labels', 'retain') or {}
  local kept = whole((job[4] or ARGV[10]) + 2 * spare)
  local function keep(index) redis.pcall('EXPIRE', prefix .. 'runs:' .. hour .. index, kept, 'GT') end
  keep('')
  if job[1] then keep(':name:' .. job[1]) end
  if job[2] then keep(':owner:' .. job[2]) end
  for label, value in pairs(job[3] and cjson.decode(job[3]) or {}) do keep(':label:' .. label .. '=' .. value) end
end

local function look(id, since)
  local job = read(id)
  if job[1] and now * 1000 - since > spare / 4 * 1000000 then keepLists(id, since) end
  if job[1] ~= 'started' and job[1] ~= 'queued' then
    redis.call('ZREM', prefix .. 'live', id)
  elseif job[3] ~= '1' and job[3] ~= format then
    return
  elseif job[1] == 'queued' then
    shortenWaits(id, now)
    lookAtQueued(id, job)
  else
    shortenWaits(id, now)
    if redis.call('ZSCORE', KEYS[1], id) then return end
    redis.call('ZADD', KEYS[1], whole(now + ARGV[6]), id)
    tell(id, 'started without a lease', 'runs_without_lease')
  end
end

-- The form of a job's key; another wf may have a prefix that begins with this one's keys.
local pattern = string.gsub(prefix, '[%*%?%[%]\\]', '\\%0') .. 'job:' .. string.rep('?', 36)
local scan = redis.call('SCAN', ARGV[4], 'MATCH', pattern, 'COUNT', ARGV[5], 'TYPE', 'hash')
report[2] = scan[1]
if misfit(prefix .. 'live', 'zset') then redis.call('DEL', prefix .. 'live') end
for _, key in ipairs(scan[2]) do
  local id = string.sub(key, #prefix + 5)
  local status = read(id)[1]
  if (status == 'started' or status == 'queued') and not redis.call('ZSCORE', prefix .. 'live', id) then
    redis.call('ZADD', prefix .. 'live', whole(clock()), id)
  end
end

-- Runs that were submitted in one call have the same score: those of the last one are looked at again.
local from = ARGV[2] == '' and '-inf' or ARGV[2]
local some = redis.call('ZRANGEBYSCORE', prefix .. 'live', from, '+inf', 'WITHSCORES', 'LIMIT', '0', ARGV[3])
for i = 1, #some, 2 do look(some[i], tonumber(some[i + 1])) end
if #some == 2 * ARGV[3] then report[1] = some[#some] == from and '(' .. from or some[#some] end
redis.call('HSET', KEYS[2], 'sweeper', ARGV[9], 'reconciled', whole(now))
settle()
return report
