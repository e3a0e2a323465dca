#!lua flags=allow-oom
--[[
Renews the leases of the runs that a worker holds, also one that has lapsed and that no other worker has taken since.
Runs that Redis gave to the worker and that it does not hold, because the answer to its claim was lost, return to the
head of their queue. Runs that the worker has ended, and that are started all the same, are kept for it: Redis has lost
their end.

KEYS  1 leases  2 workers  3 lease lengths  4 recovery  5 the worker's last claim
ARGV  1 key prefix  2 worker id  3 lease (ms)  4 milliseconds after its death that a worker is remembered
      5 number of the newest claim whose runs the worker holds, or whose answer it does not have
      6 number of runs that the worker has ended  7... job id, token of each of these, then of each run that it holds

Returns {the ids of the runs that others have taken from the worker (one that its own claim has ended is not among
         them), the ids of the ended runs that are started, the ids of the runs that returned to their queue, the ids
         of the paused runs among those that it holds}.
]]
local fault = misfits(KEYS[1], 'zset', KEYS[2], 'zset', KEYS[3], 'hash', KEYS[4], 'hash', holds, 'hash')
if fault then return fault end
local now = math.floor(clock() / 1000)
local deadline = whole(now + ARGV[3])
local lost, unfinished, renewed = {}, {}, {}
redis.call('ZADD', KEYS[2], deadline, ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], whole(math.ceil((ARGV[3] + ARGV[4]) / 1000)))
-- Until a recoverer has its first turn, the time for it counts from here.
if not redis.call('HGET', KEYS[4], 'watched') then redis.call('HSET', KEYS[4], 'watched', whole(now), 'lease', ARGV[3]) end

local function holdOf(id) return readHold(try('HGET', holds, id)) end

local mine = {}
local firstHeld = 7 + 2 * ARGV[6]
for i = 7, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  -- By its token: the worker may have ended the run, and have claimed it again since it was run again.
  mine[id .. token] = true
  local known = holdOf(id)
  if known and redis.call('EXISTS', jobs .. id) == 0 then
    released[#released + 1] = id
    known = nil
  end
  if known and known.token == token then
    renewed[#renewed + 1] = deadline
    renewed[#renewed + 1] = id
    if i < firstHeld then unfinished[#unfinished + 1] = id end
  elseif i >= firstHeld then
    local job = try('HMGET', jobs .. id, 'end', 'status') or {}
    local isMine = job[1] and string.sub(job[1], 1, #token + 1) == token .. ' '
    if not isMine or job[2] == 'started' then lost[#lost + 1] = id end
  end
end
if #renewed > 0 then send('ZADD', prefix .. 'leases', renewed, 1, #renewed) end

-- The hold of a run that a claim still has, and of which nothing is recorded.
local function untouched(id, claim)
  local known = holdOf(id)
  return known and known.seq == '0' and string.match(known.token, '^%d+%-(.*)$') == claim and known or nil
end

local returned = {}
local last = try('GET', KEYS[5])
local claim, number, runs = string.match(last or '', '^(%S+/(%d+)) (.*)$')
if claim and tonumber(number) <= tonumber(ARGV[5]) then
  -- The first one last, so that it ends up at the head.
  local taken = {}
  for id, suspect in string.gmatch(runs, '(%S+):(%d)') do table.insert(taken, 1, {id, suspect == '1'}) end
  for _, run in ipairs(taken) do
    local id, asSuspect = run[1], run[2]
    local known = untouched(id, claim)
    if known and not mine[id .. known.token] and not misfit(asSuspect and suspectsOf(known.class) or queueOf(known.class), 'list') then
      release(id, known, '', '0', asSuspect)
      returned[#returned + 1] = id
    end
  end
end
local paused = {}
if try('HLEN', prefix .. 'paused') ~= 0 then
  for i = firstHeld, #ARGV, 2 do
    if try('HEXISTS', prefix .. 'paused', ARGV[i]) == 1 then paused[#paused + 1] = ARGV[i] end
  end
end
settle()
return {lost, unfinished, returned, paused}
