#!lua flags=no-writes
--[[
Reads the runs that took down too many workers, the newest first.

KEYS  1 dead letters
ARGV  1 key prefix  2 how many at most

Returns {job id, run name, created, started, finished, error code, error} of each that has not expired.
]]
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local job = redis.call('HMGET', ARGV[1] .. 'job:' .. id, 'run_name', 'created_ts', 'started_ts', 'finished_ts',
    'error_code', 'error')
  if job[1] then found[#found + 1] = {id, unpack(job)} end
  if #found == tonumber(ARGV[2]) then break end
end
return found
