#!lua flags=allow-oom
--[[
Returns a parked run to the head of its queue before it is due: the turn of its call of a model has come.

KEYS  1 timers
ARGV  1 key prefix  2 job id  3 crashes that end a run

Returns 'hurried'; 'busy': a worker holds the run, or it is in its queue; 'over': it is paused, has ended or is gone.
Safe to send twice: the second time the run is not among the timers.
]]
local fault = misfits(KEYS[1], 'zset')
if fault then return fault end
local id = ARGV[2]
local job = isJobID(id) and try('HMGET', jobs .. id, 'status', 'run', 'again', 'paused') or {}
if job[4] or job[1] ~= 'queued' and job[1] ~= 'started' then return 'over' end
-- A run that no worker has held waits for its start, and for no turn.
if job[1] == 'started' or not job[3] or not redis.call('ZSCORE', KEYS[1], id) then return 'busy' end
local class = string.sub(job[2] or '', 1, 8)
local _, crashes = string.match(job[3], againPattern)
local list = isSuspect(crashes or '0', ARGV[3]) and suspectsOf(class) or queueOf(class)
fault = misfits(list, 'list')
if fault then return fault end
redis.call('ZREM', KEYS[1], id)
redis.call('LPUSH', list, id)
enqueued[class] = (enqueued[class] or 0) + 1
settle()
return 'hurried'
