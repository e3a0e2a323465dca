#!lua flags=no-writes
--[[
Reads all that a status answer shows, at one instant.

KEYS  1 job  2 progress  3 result
ARGV  1 1 if the result is wanted as well

Returns nil when there is no such job, else {status, run name, created, started, finished, error code, error,
        steps (JSON, unless the run is finished), result (JSON, if finished and wanted), progress entries}.
]]
local job = redis.call('HMGET', KEYS[1], 'status', 'run_name', 'created_ts', 'started_ts', 'finished_ts',
  'error_code', 'error')
if not job[1] then return false end
if job[1] == 'finished' then job[9] = ARGV[1] == '1' and redis.call('GET', KEYS[3])
else job[8] = redis.call('HGET', KEYS[1], 'steps') end
for i = 1, 9 do job[i] = job[i] or false end
job[10] = redis.call('LRANGE', KEYS[2], 0, -1)
return job
