#!lua flags=allow-oom
--[[
Removes a schedule. The runs that it has started remain.

KEYS  1 schedules
ARGV  1 key prefix  2 name

Returns 1, or 0 when there is none of this name.
Safe to send twice: then it is not there, and the answer is 0.
]]
local all = prefix .. 'schedules'
local why = misfit(all, 'zset')
if why then return redis.error_reply('WRONGTYPE ' .. why) end
redis.call('ZREM', all, ARGV[2])
return redis.call('DEL', prefix .. 'schedule:' .. ARGV[2])
