#!lua flags=allow-oom
--[[
Looks at a part of all jobs for runs that nobody would ever take, and repairs them. wf's own scripts leave none; whoever
deletes keys by hand, or a Redis that has thrown some away, may.

KEYS  1 leases  2 queue  3 suspects  4 repairs
ARGV  1 key prefix  2 cursor of the scan, 0 to begin  3 about how many keys to look at  4 lease (ms)  5 format version
      6 length of a queue over which it is not searched  7 wake channel  8 crashes that end a run

Returns {cursor for the next call (0: all have been seen), job id, what it was...}:
        'started without a lease': it gets one, which its worker, if it lives, renews, and which lapses otherwise;
        'queued without a queue entry': it goes to the head of its queue.
Safe to send twice: what is repaired is found to be in order.
]]
local prefix = ARGV[1]
-- The form of a job's key; another wf may have a prefix that begins with this one's keys.
local pattern = string.gsub(prefix, '[%*%?%[%]\\]', '\\%0') .. 'job:' .. string.rep('?', 36)
local scan = redis.call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', ARGV[3], 'TYPE', 'hash')
local report = {scan[1]}

local function repair(id, what, counter)
  redis.pcall('HINCRBY', KEYS[4], counter, 1)
  report[#report + 1] = id
  report[#report + 1] = what
end

local isShort = redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3]) <= tonumber(ARGV[6])
for _, key in ipairs(scan[2]) do
  local id = string.sub(key, #prefix + 5)
  local job = isJobID(id) and redis.call('HMGET', key, 'status', 'crashes', 'format') or {}
  if job[3] == ARGV[5] then
    if job[1] == 'started' and not redis.call('ZSCORE', KEYS[1], id) then
      redis.call('ZADD', KEYS[1], math.floor(clock() / 1000) + ARGV[4], id)
      repair(id, 'started without a lease', 'runs_without_lease')
    elseif job[1] == 'queued' and isShort
      and not redis.call('LPOS', KEYS[2], id) and not redis.call('LPOS', KEYS[3], id) then
      enqueue('LPUSH', isSuspect(tonumber(job[2]) or 0, ARGV[8]) and KEYS[3] or KEYS[2], id, ARGV[7])
      repair(id, 'queued without a queue entry', 'runs_without_entry')
    end
  end
end
publish()
return report
