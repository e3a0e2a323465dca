#!lua
--[[
Says whether a live worker is to take runs. The worker looks once a second; the message only makes it look at once.

KEYS  1 the worker  2 workers
ARGV  1 key prefix  2 worker id  3 1 if it is to take none

Returns 1, or 0 when there is no such worker that announces itself.
Safe to send twice.
]]
local lapse = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[2]) or 0)
if lapse < math.floor(clock() / 1000) or try('HEXISTS', KEYS[1], 'about') ~= 1 then return 0 end
redis.call('HSET', KEYS[1], 'drain', ARGV[3])
redis.pcall('PUBLISH', prefix .. 'control:' .. ARGV[2], 'look')
return 1
