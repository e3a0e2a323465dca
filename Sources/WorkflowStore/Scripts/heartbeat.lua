#!lua flags=allow-oom
--[[
Renews the leases of the runs that a worker holds, also one that has lapsed and that no other worker has taken since. Runs
that Redis gave to the worker and that it does not hold, because the answer to its claim was lost, return to the head of
their queue. Runs that the worker has ended, and that are started all the same, are kept for it: Redis has lost their end.

KEYS  1 leases  2 workers  3 lease lengths  4 recovery  5 the worker's last claim  6 queue  7 suspects  8 idle workers
ARGV  1 key prefix  2 worker id  3 lease (ms)  4 milliseconds after its death that a worker is remembered
      5 number of the newest claim whose runs the worker holds, or whose answer it does not have
      6 wake channel  7 number of runs that the worker has ended  8... job id, token of each of these, then of each run that
      it holds

Returns {the ids of the runs that others have taken from the worker (one that its own claim has ended is not among them),
         the ids of the ended runs that are started, the ids of the runs that returned to their queue}.
]]
local now = math.floor(clock() / 1000)
local lost = {}
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], math.ceil((ARGV[3] + ARGV[4]) / 1000))
-- Until a recoverer has its first turn, the time for it counts from here.
if not redis.call('HGET', KEYS[4], 'watched') then redis.call('HSET', KEYS[4], 'watched', now, 'lease', ARGV[3]) end

local held, unfinished = {}, {}
local firstHeld = 8 + 2 * ARGV[7]
for i = 8, #ARGV, 2 do
  held[ARGV[i]] = true
  local job = try('HMGET', ARGV[1] .. 'job:' .. ARGV[i], 'token', 'status') or {}
  if job[1] ~= ARGV[i + 1] then
    if i >= firstHeld then lost[#lost + 1] = ARGV[i] end
  elseif job[2] == 'started' then
    redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[i])
    if i < firstHeld then unfinished[#unfinished + 1] = ARGV[i] end
  end
end

-- Whether a claim that this name ends still holds a run of which nothing is recorded.
local function isUntouched(id, claim)
  local job = try('HMGET', ARGV[1] .. 'job:' .. id, 'token', 'status', 'seq') or {}
  return job[2] == 'started' and job[3] == '0' and string.match(job[1] or '', '^%d+%-(.*)$') == claim
end

local function handBack(id, queue)
  local kind = redis.call('TYPE', queue).ok
  if kind ~= 'list' and kind ~= 'none' then return false end
  redis.call('ZREM', KEYS[1], id)
  redis.call('HSET', ARGV[1] .. 'job:' .. id, 'status', 'queued', 'token', '')
  redis.call('HDEL', ARGV[1] .. 'job:' .. id, 'silent')
  enqueue('LPUSH', queue, id)
  return true
end

local returned = {}
local last = try('GET', KEYS[5])
local claim, number, runs = string.match(last or '', '^(%S+/(%d+)) (.*)$')
if claim and tonumber(number) <= tonumber(ARGV[5]) then
  -- The first one last, so that it ends up at the head.
  local taken = {}
  for id, suspect in string.gmatch(runs, '(%S+):(%d)') do
    table.insert(taken, 1, {id, suspect == '1' and KEYS[7] or KEYS[6]})
  end
  for _, run in ipairs(taken) do
    if not held[run[1]] and isUntouched(run[1], claim) and handBack(run[1], run[2]) then returned[#returned + 1] = run[1] end
  end
end
wakeWorkers(KEYS[8], ARGV[6])
return {lost, unfinished, returned}
