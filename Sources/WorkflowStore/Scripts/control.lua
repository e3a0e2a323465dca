#!lua flags=allow-oom
--[[
Steers runs from outside: cancels, pauses or resumes each of them, wherever it is. A cancelled run has ended at once;
the worker that holds it is notified, and its claim can write nothing any more. A paused run is queued, and waits among the
timers without an end; one that a worker holds gets there when its steps under way have ended. A resumed run goes back
to its queue when it would have, or at once.

KEYS  1 timers  2 deadlines  3 paused
ARGV  1 key prefix  2 'cancel' | 'pause' | 'resume'  3 seconds to keep an ended run  4 crashes that end a run
      5... job ids

Returns for each {outcome, status}: 'done', also when it was before; 'ended': the run has ended otherwise; 'former': it
is of an older format; 'gone': there is no such run.
Safe to send twice. A queue that is no list is an error; the runs after it are left as they are.
]]
local fault = misfits(KEYS[1], 'zset', KEYS[2], 'zset', KEYS[3], 'hash', holds, 'hash', prefix .. 'leases', 'zset')
if fault then return fault end
local now = clock()
local ms = math.floor(now / 1000)

local function cancel(id, run)
  if run.status == 'queued' then leaveQueue(id, run.class, isSuspect(run.crashes, ARGV[4])) end
  return endNow(id, 'cancelled', now, ARGV[3], run.since, run.again, '"msg":"cancelled"') and 'cancelled'
end

local function pause(id, run)
  redis.call('HSET', jobs .. id, 'paused', '1')
  redis.call('HSET', KEYS[3], id, '1')
  local known = run.status == 'started' and readHold(redis.call('HGET', holds, id))
  if known then
    tell(id, known.token, 'pause')
  elseif redis.call('ZSCORE', KEYS[1], id) or leaveQueue(id, run.class, isSuspect(run.crashes, ARGV[4])) then
    redis.call('ZADD', KEYS[1], '+inf', id)
  end
  announce(id, '')
  return run.status
end

local function resume(id, run)
  local list = isSuspect(run.crashes, ARGV[4]) and suspectsOf(run.class) or queueOf(run.class)
  fault = misfits(list, 'list')
  if fault then return nil end
  redis.call('HDEL', jobs .. id, 'paused')
  redis.call('HDEL', KEYS[3], id)
  if redis.call('ZSCORE', KEYS[1], id) == 'inf' then
    local due = math.floor((run.due or 0) * 1000)
    if due > ms then
      redis.call('ZADD', KEYS[1], whole(due), id)
    else
      redis.call('ZREM', KEYS[1], id)
      redis.call(run.again and 'LPUSH' or 'RPUSH', list, id)
      enqueued[run.class] = (enqueued[run.class] or 0) + 1
    end
  end
  announce(id, '')
  return run.status
end

local verbs = {cancel = cancel, pause = pause, resume = resume}
local reached = {cancel = 'cancelled'}
local function steer(id)
  local job = isJobID(id) and try('HMGET', jobs .. id, 'status', 'format', 'run', 'again', 'created_ts', 'due') or {}
  local status = job[1]
  if not status then return {'gone', ''} end
  if status ~= 'queued' and status ~= 'started' then
    return {status == reached[ARGV[2]] and 'done' or 'ended', status}
  end
  if job[2] ~= format then return {'former', status} end
  local _, crashes = string.match(job[4] or '', againPattern)
  local run = {status = status, class = string.sub(job[3] or '', 1, 8), again = job[4] or nil, crashes = crashes or 0,
    since = job[5], due = tonumber(job[6] or nil)}
  local after = verbs[ARGV[2]](id, run)
  return after and {'done', after} or {'gone', ''}
end

local answers = {}
for i = 5, #ARGV do
  answers[i - 4] = steer(ARGV[i])
  if fault then break end
end
settle()
return fault or answers
