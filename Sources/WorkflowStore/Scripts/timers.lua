#!lua flags=allow-oom
--[[
Returns the parked runs whose time has come to their queues: those that were held before to the head, others, whose
start was delayed, to the end. Ends the runs whose time limit is over, wherever they are; the worker of one that is
started is notified, and its claim can write nothing any more.

KEYS  1 timers  2 deadlines
ARGV  1 key prefix  2 how many runs at most  3 seconds to keep an ended run  4 crashes that end a run
      5 clock that the caller's last turn returned, '' at its first

Returns {Redis's clock (µs), when the next run is due, ms, or nil, when the next time limit is over, ms, or nil,
         job id, 'due' | 'timed out' | 'dropped' (a timer of a run that is not queued, a limit of one that has ended)...}.
Safe to send twice: a run leaves the timers as it is enqueued.
When the clock has gone back since the caller's last turn, no wait is longer from now than it was to begin with. A turn
that is lost with Redis's last writes, or that no worker takes, is made up for by reconcile.lua.
]]
local fault = misfits(KEYS[1], 'zset', KEYS[2], 'zset', holds, 'hash', prefix .. 'leases', 'zset')
if fault then return fault end
local now = clock()
local ms = whole(math.floor(now / 1000))
local report = {whole(now), false, false}

local function note(id, what)
  report[#report + 1] = id
  report[#report + 1] = what
end

-- Status, class, crashes and whether it was held before, of a queued or started run; nothing of any other.
local function read(id)
  local job = isJobID(id) and try('HMGET', jobs .. id, 'status', 'run', 'again', 'limit', 'created_ts') or {}
  if job[1] ~= 'queued' and job[1] ~= 'started' then return {} end
  local _, crashes = string.match(job[3] or '', againPattern)
  return {status = job[1], class = string.sub(job[2] or '', 1, 8), crashes = crashes or '0', wasHeld = job[3],
    again = job[3], limit = job[4] or '?', since = job[5]}
end

local function enqueue(id)
  local run = read(id)
  redis.call('ZREM', KEYS[1], id)
  if run.status ~= 'queued' then return note(id, 'dropped') end
  local list = isSuspect(run.crashes, ARGV[4]) and suspectsOf(run.class) or queueOf(run.class)
  if misfit(list, 'list') then return redis.call('ZADD', KEYS[1], ms + 1000, id) end
  redis.call(run.wasHeld and 'LPUSH' or 'RPUSH', list, id)
  enqueued[run.class] = (enqueued[run.class] or 0) + 1
  note(id, 'due')
end

local function expire(id)
  local run = read(id)
  redis.call('ZREM', KEYS[2], id)
  if not run.status then return note(id, 'dropped') end
  if run.status == 'queued' then leaveQueue(id, run.class, isSuspect(run.crashes, ARGV[4])) end
  local sentence = 'the run took longer than ' .. run.limit .. ' s (timeout_s)'
  local members = '"msg":"failed","error_code":"timeout","error":"' .. sentence .. '"'
  local hasEnded = endNow(id, 'failed', now, ARGV[3], run.since, run.again, members, 'error_code', 'timeout', 'error',
    sentence)
  note(id, hasEnded and 'timed out' or 'dropped')
end

if ARGV[5] ~= '' and now < tonumber(ARGV[5]) then
  for n = 1, 2 do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[n], '(' .. ms, '(+inf', 'LIMIT', '0', '1000')) do
      if isJobID(id) then shortenWaits(id, tonumber(ms)) end
    end
  end
end
local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ms, 'LIMIT', '0', ARGV[2])
for _, id in ipairs(late) do expire(id) end
-- Those that go to the head: the first one last.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', '0', ARGV[2])
for i = #due, 1, -1 do enqueue(due[i]) end
for n = 1, 2 do
  local next = redis.call('ZRANGEBYSCORE', KEYS[n], '-inf', '(+inf', 'WITHSCORES', 'LIMIT', '0', '1')
  report[n + 1] = next[2] or false
end
settle()
return report
