-- Common to the scripts that keep waits as long as they were meant, wherever Redis's clock goes; Scripts.swift puts
-- this text after transitions.lua.

-- Shortens what a run waits for when that is longer than it was to begin with: Redis's clock has gone back since. Its
-- wait among the timers, unless it is for a time of the calendar, and its time limit. `ms`: Redis's clock.
local function shortenWaits(id, ms)
  local job = try('HMGET', jobs .. id, 'again', 'wait', 'delay', 'due', 'limit') or {}
  local timers, deadlines = prefix .. 'timers', prefix .. 'deadlines'
  local due = tonumber(redis.call('ZSCORE', timers, id) or nil)
  local longest = due and (job[1] and (job[2] or 0) or job[3])
  if longest and due < math.huge and due > ms + longest then
    due = ms + longest
    redis.call('ZADD', timers, whole(due), id)
    redis.call('HSET', jobs .. id, 'due', seconds(due * 1000))
  end
  local deadline = job[5] and tonumber(redis.call('ZSCORE', deadlines, id) or nil)
  local start = not job[1] and due or ms
  if deadline and deadline > math.max(start, ms) + math.ceil(job[5] * 1000) then
    redis.call('ZADD', deadlines, whole(math.max(start, ms) + math.ceil(job[5] * 1000)), id)
  end
end
