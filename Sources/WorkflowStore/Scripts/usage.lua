-- Common to the scripts that accept, end and reopen runs; Scripts.swift puts this text after prelude.lua.
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
