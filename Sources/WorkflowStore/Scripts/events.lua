#!lua flags=no-writes
--[[
Reads what is new of a run.

KEYS  1 job  2 progress
ARGV  1 index of the first progress entry wanted, from 0

Returns nil when there is no such job, else {status, progress entries from there on}.
]]
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return false end
return {status, redis.call('LRANGE', KEYS[2], ARGV[1], -1)}
