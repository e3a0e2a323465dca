#!lua flags=allow-oom
--[[
Forgets a worker that has stopped: it does not count as alive any more.

KEYS  1 workers  2 lease lengths  3 idle workers
ARGV  1 worker id
]]
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
