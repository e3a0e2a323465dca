#!lua flags=no-writes
--[[
Reads the runs that took down too many workers, the newest first.

KEYS  1 dead letters
ARGV  1 key prefix  2 how many at most

Returns {job id, run name, created, started, finished, error code, error, {the beginnings of its last progress entries
before `failed`, the newest first}} of each that has not expired.
]]
local function lastEntries(id)
  local found = {}
  for back = 2, 9 do
    local entry = redis.pcall('LINDEX', ARGV[1] .. 'progress:' .. id, -back)
    if type(entry) ~= 'string' then break end
    found[#found + 1] = entry:sub(1, 512)
  end
  return found
end

local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local job = redis.call('HMGET', ARGV[1] .. 'job:' .. id, 'run_name', 'created_ts', 'started_ts', 'finished_ts',
    'error_code', 'error')
  if job[1] then
    job[#job + 1] = lastEntries(id)
    found[#found + 1] = {id, unpack(job)}
  end
  if #found == tonumber(ARGV[2]) then break end
end
return found
