#!lua flags=no-writes
--[[
Reads a portion of a run's progress log.

KEYS  1 job  2 progress
ARGV  1 index of the first entry wanted, from 0  2 bytes of entries after which the portion ends; it may end up larger
      by a few entries  3 bytes wanted of the beginning of each entry; 0: the whole entry

Returns nil when there is no such job, else {status, 1 if there are more entries, entry...}.
The status is read first: the log is never older than it.
]]
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return false end
local answer = {status, 0}
local first, limit, head = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local last, bytes, read, portion = redis.call('LLEN', KEYS[2]), 0, 0, 4
while first < last and bytes < limit do
  local entries = redis.call('LRANGE', KEYS[2], first, first + portion - 1)
  for _, entry in ipairs(entries) do
    bytes = bytes + #entry
    answer[#answer + 1] = head > 0 and string.sub(entry, 1, head) or entry
  end
  first, read = first + #entries, read + #entries
  -- As many as there is room for if they are as long as those before.
  portion = math.max(1, math.min(1000, math.floor((limit - bytes) * read / bytes)))
end
if first < last then answer[2] = 1 end
return answer
