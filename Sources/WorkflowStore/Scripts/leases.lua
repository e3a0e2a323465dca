-- Common to the scripts that shorten leases which end too late; Scripts.swift puts this text after prelude.lua.

-- The longest lease of the workers that are remembered, in milliseconds, and at least so long.
local function longestLease(lengths, least)
  local found = redis.pcall('HGETALL', lengths)
  for i = 2, #found, 2 do least = math.max(least, tonumber(found[i]) or 0) end
  return least
end

-- Lowers the scores of a sorted set to a latest time; returns whether more may be left.
local function shorten(key, latest)
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. latest, '+inf', 'LIMIT', '0', '500')
  for _, member in ipairs(late) do redis.call('ZADD', key, latest, member) end
  return #late == 500
end
