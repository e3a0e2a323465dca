#!lua
--[[
Keeps the free place of a model for the calls that wait, from those that come now: one of them is about to begin.

KEYS  1 model:{name}
ARGV  1 key prefix  2 for how long, ms

Returns 1. Safe to send twice: the later time counts.
]]
redis.call('HSET', KEYS[1], 'kept', whole(clock() + ARGV[2] * 1000))
redis.call('EXPIRE', KEYS[1], '86400')
return 1
