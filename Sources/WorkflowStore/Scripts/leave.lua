#!lua flags=allow-oom
--[[
Forgets a worker that has stopped: it does not count as alive any more.

KEYS  1 workers  2 lease lengths
ARGV  1 key prefix  2 worker id
]]
redis.call('ZREM', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', prefix .. 'idle', ARGV[2])
redis.call('HDEL', prefix .. 'serves', ARGV[2])
redis.call('DEL', prefix .. 'worker:' .. ARGV[2])
