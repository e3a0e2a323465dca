#!lua flags=allow-oom
--[[
Adds what a process has counted to the sums of all processes.

KEYS  1 metrics  2 metrics:{process}
ARGV  1 key prefix  2 number of this portion of the process, from 1  3 seconds that the number is remembered
      4 fields that the sums may have  5... fields, each with a number

Returns how many fields are left out because there are as many as may be; -1 when the portion was added before.
Safe to send twice: a number that is not above the last one of its process adds nothing. A sum that is no number, or too
large to be added to, begins again.
]]
local why = misfit(KEYS[1], 'hash')
if why then return redis.error_reply('WRONGTYPE ' .. why) end
local last = tonumber(try('GET', KEYS[2]) or nil) or 0
if last >= tonumber(ARGV[2]) then return -1 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
local isFull, omitted = redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]), 0
for i = 5, #ARGV, 2 do
  if isFull and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
    omitted = omitted + 1
  elseif type(redis.pcall('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])) ~= 'number' then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return omitted
