-- Common to the scripts that end runs; Scripts.swift puts this text after usage.lua, which says what is counted.

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
