#!lua flags=allow-oom
--[[
Renews the leases of the runs that a worker has in hand, also one that has lapsed and that nobody has taken since.

KEYS  1 leases  2 workers  3 lease lengths  4 recovery
ARGV  1 key prefix  2 worker id  3 lease (ms)  4 milliseconds after its death that a worker is remembered
      5... job id, token of each run

Returns the ids of the runs that others have taken from the worker; one that its own claim has ended is not among them.
]]
local now = math.floor(clock() / 1000)
local lost = {}
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], math.ceil((ARGV[3] + ARGV[4]) / 1000))
-- Until a recoverer has its first turn, the time for it counts from here.
if not redis.call('HGET', KEYS[4], 'watched') then redis.call('HSET', KEYS[4], 'watched', now, 'lease', ARGV[3]) end
for i = 5, #ARGV, 2 do
  local job = redis.pcall('HMGET', ARGV[1] .. 'job:' .. ARGV[i], 'token', 'status')
  if job.err or job[1] ~= ARGV[i + 1] then
    lost[#lost + 1] = ARGV[i]
  elseif job[2] == 'started' then
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[i])
  end
end
return lost
