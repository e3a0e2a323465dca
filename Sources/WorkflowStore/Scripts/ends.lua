-- Common to the scripts that end runs from outside, wherever they are; Scripts.swift puts this text after
-- transitions.lua.

-- Asks the worker that holds a run by this token, which names the worker's claim, to stop or to pause it.
local function tell(id, token, verb)
  local worker = string.match(token, '^%d+%-(.*)/%d+$')
  if not worker then return end
  messages[#messages + 1] = ARGV[1] .. 'control:' .. worker
  messages[#messages + 1] = verb .. ' ' .. id .. ' ' .. token
end

-- Takes a queued run out of its queue if that is short; otherwise a claim finds the entry when it comes to it, or
-- reopen.lua, to which `entry` in its job says so. Returns whether it was there.
local function leaveQueue(id, class, asSuspect)
  local list = asSuspect and suspectsOf(class) or queueOf(class)
  local length = redis.pcall('LLEN', list)
  if type(length) ~= 'number' then return false end
  if length <= 1000 then return redis.call('LREM', list, '1', id) > 0 end
  redis.call('HSET', jobs .. id, 'entry', '1')
  return false
end

-- Ends a run that is queued, parked or held by a worker; its claim can write nothing any more. `members`: those of
-- its last entry besides the time. `since`: when it was submitted; `again`: what its job says for its next claim.
-- Then what the job says of its end. Returns nil when the job is none any more.
local function endNow(id, status, now, retain, since, again, members, ...)
  local known = readHold(try('HGET', holds, id))
  local _, _, _, time, bytes = string.match(again or '', againPattern)
  local ts = later(seconds(now), known and known.time or time or since)
  local entry = '{"ts":' .. ts .. ',' .. members .. '}'
  local logged = whole((known and known.bytes or bytes or 41) + #entry)
  if not finish(id, jobs .. id, status, retain, true, true, {entry}, 1, 1, 'finished_ts', ts, 'bytes', logged, ...) then
    return nil
  end
  redis.pcall('ZREM', prefix .. 'timers', id)
  if known then tell(id, known.token, 'lost') end
  announce(id, status)
  return true
end
