#!lua flags=allow-oom
--[[
Looks at a part of the live runs, those that are queued or started, for such that nobody would ever take, and repairs them.
wf's own scripts leave none; whoever deletes keys by hand, or a Redis that evicts, may. One worker at a time does that: the
one that did it last, unless that is longer ago than a lease.

The set of live runs itself is repaired by a slow look through all keys.

KEYS  1 leases  2 queue  3 suspects  4 repairs  5 live runs  6 idle workers  7 recovery
ARGV  1 key prefix  2 where the look at the live runs continues, '' to begin  3 how many to look at
      4 cursor of the look through all keys, 0 to begin  5 about how many to look at  6 lease (ms)  7 format version
      8 length of the queues over which they are not searched  9 wake channel  10 crashes that end a run  11 worker id

Returns nil when another worker does it, else
        {where to continue, '' when all live runs have been seen; cursor, 0 when all keys have; job id, what it was...}:
        'started without a lease': it gets one, which its worker, if it lives, renews, and which lapses otherwise;
        'queued without a queue entry': it goes to the head of its queue.
Safe to send twice: what is repaired is found to be in order.
]]
local prefix, now = ARGV[1], math.floor(clock() / 1000)
local last = redis.call('HMGET', KEYS[7], 'sweeper', 'reconciled')
local age = now - (tonumber(last[2]) or 0)
if last[1] and last[1] ~= ARGV[11] and age >= 0 and age <= tonumber(ARGV[6]) then return false end

local report = {'', '0'}
local function repair(id, what, counter)
  redis.pcall('HINCRBY', KEYS[4], counter, 1)
  report[#report + 1] = id
  report[#report + 1] = what
end

-- Status, crashes and format of a job; nothing when it is no job.
local function read(id)
  return isJobID(id) and try('HMGET', prefix .. 'job:' .. id, 'status', 'crashes', 'format') or {}
end

-- The runs that the queues hold, by id; nil when these are too long to be searched.
local entries
local function isEnqueued(id)
  if not entries then
    entries = {}
    for _, queue in ipairs({KEYS[2], KEYS[3]}) do
      for _, entry in ipairs(redis.call('LRANGE', queue, 0, -1)) do entries[entry] = true end
    end
  end
  return entries[id]
end
local isShort = redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3]) <= tonumber(ARGV[8])

local function look(id)
  local job = read(id)
  if job[1] ~= 'started' and job[1] ~= 'queued' then
    redis.call('ZREM', KEYS[5], id)
  elseif job[3] ~= ARGV[7] then
    return
  elseif job[1] == 'started' and not redis.call('ZSCORE', KEYS[1], id) then
    redis.call('ZADD', KEYS[1], now + ARGV[6], id)
    repair(id, 'started without a lease', 'runs_without_lease')
  elseif job[1] == 'queued' and isShort and not isEnqueued(id) then
    enqueue('LPUSH', isSuspect(tonumber(job[2]) or 0, ARGV[10]) and KEYS[3] or KEYS[2], id)
    repair(id, 'queued without a queue entry', 'runs_without_entry')
  end
end

-- The form of a job's key; another wf may have a prefix that begins with this one's keys.
local pattern = string.gsub(prefix, '[%*%?%[%]\\]', '\\%0') .. 'job:' .. string.rep('?', 36)
local scan = redis.call('SCAN', ARGV[4], 'MATCH', pattern, 'COUNT', ARGV[5], 'TYPE', 'hash')
report[2] = scan[1]
if redis.call('TYPE', KEYS[5]).ok ~= 'zset' then redis.call('DEL', KEYS[5]) end
for _, key in ipairs(scan[2]) do
  local id = string.sub(key, #prefix + 5)
  local status = read(id)[1]
  if (status == 'started' or status == 'queued') and not redis.call('ZSCORE', KEYS[5], id) then
    redis.call('ZADD', KEYS[5], clock(), id)
  end
end

local from = ARGV[2] == '' and '-inf' or '(' .. ARGV[2]
local live = redis.call('ZRANGEBYSCORE', KEYS[5], from, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #live, 2 do look(live[i]) end
if #live == 2 * ARGV[3] then report[1] = live[#live] end
redis.call('HSET', KEYS[7], 'sweeper', ARGV[11], 'reconciled', now)
wakeWorkers(KEYS[6], ARGV[9])
return report
