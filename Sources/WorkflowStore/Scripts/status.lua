#!lua flags=no-writes
--[[
Reads what is known of a run, and all that its status shows if that is little: one trip instead of two.

KEYS  1 job
ARGV  1 prefix of all keys  2 job id  3 most bytes of log and result; 0: only what is known without them

Returns nil when there is no such job, else {status, run_name, created_ts, started_ts, finished_ts, error_code, error,
degraded, entries of the log, bytes of log, result and a failed run's documents or nil, due, labels, priority,
`tick name` of the schedule that has started it or nil, owner, paused, generation, whether steps of it may have called
models, when it was last run again}, and of a short run that has not failed {entry...} and, when it has finished, its result, else the beginning of
its documents. The bytes of a run under way are in its hold, those of an ended one in its job.
]]
local prefix, id, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local answer = redis.call('HMGET', KEYS[1], 'status', 'run_name', 'created_ts', 'started_ts', 'finished_ts', 'error_code',
  'error', 'degraded', 'bytes', 'document_bytes', 'due', 'labels', 'priority', 'schedule', 'owner', 'paused', 'generation',
  'models', 'reopened_ts')
local status = answer[1]
if not status then return false end
local progress = prefix .. 'progress:' .. id
local bytes, ofDocuments = answer[9], answer[10]
local hold = redis.call('HGET', prefix .. 'holds', id)
if hold then bytes = string.match(hold, ' (%d+) %S+$') or bytes
elseif bytes and (status == 'failed' or status == 'cancelled') then bytes = bytes + (ofDocuments or 0) end
bytes = tonumber(bytes or nil)
local entries = redis.call('LLEN', progress)
answer[9], answer[10] = entries, bytes or false
-- A run of format 1 may not say how long its log is.
local isShort = status == 'queued' and entries == 1 or bytes and bytes > 0 and bytes < limit
if status == 'failed' or status == 'cancelled' or limit == 0 or not isShort then return answer end
answer[20] = redis.call('LRANGE', progress, '0', '-1')
if status == 'finished' then
  answer[21] = redis.call('GET', prefix .. 'result:' .. id)
else
  answer[21] = redis.call('GETRANGE', prefix .. 'docs:' .. id, '0', ARGV[3])
end
return answer
