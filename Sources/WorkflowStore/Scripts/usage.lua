-- Common to the scripts that accept and end runs; Scripts.swift puts this text after prelude.lua.
--
-- What the runs of a name take is in the hash usage:{owner}: `runs` and `bytes` of those that are queued or started,
-- these of their steps and inputs; and by the hour since 1970 in which they expire the bytes of those that have ended.
-- The hash expires with the last of them. A key of another type counts nothing.

-- Adds to what the live runs of a name take. Returns how many they are, and the key; nil when it counts nothing.
local function countLive(owner, runs, bytes)
  local key = prefix .. 'usage:' .. owner
  local live = redis.pcall('HINCRBY', key, 'runs', whole(runs))
  if type(live) ~= 'number' then return nil end
  redis.pcall('HINCRBY', key, 'bytes', whole(bytes))
  if live <= runs then redis.call('PERSIST', key) end
  return live, key
end

-- Counts the end of a run that is kept for some seconds: its log and its result, or without one its steps and inputs.
local function countEnd(id, job, owner, isFinished, retain)
  local now, docs = redis.call('TIME')[1] + 0, try('STRLEN', prefix .. 'docs:' .. id) or 0
  local hour = math.floor((now + retain) / 3600)
  local kept = (tonumber(redis.call('HGET', job, 'bytes') or nil) or 0) + (isFinished and 0 or docs)
  redis.call('HSET', job, 'kept', whole(hour) .. ' ' .. whole(kept))
  local live, key = countLive(owner, -1, -docs)
  local sum = live and redis.pcall('HINCRBY', key, whole(hour), whole(kept))
  if type(sum) ~= 'number' or live > 0 and sum ~= kept then return end
  -- Now and then the hours go that are over.
  local last, over = hour, {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local found = tonumber(field)
    if found and found < math.floor(now / 3600) then over[#over + 1] = field end
    last = math.max(last, found or 0)
  end
  send('HDEL', key, over, 1, #over)
  if live > 0 then return end
  redis.call('HSET', key, 'runs', '0', 'bytes', '0')
  redis.call('EXPIRE', key, whole((last + 1) * 3600 - now))
end
