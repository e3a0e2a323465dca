-- Common to the scripts that read entries of the inbox; Scripts.swift puts this text after prelude.lua.

-- By what an entry is known again. Of one that is too large to be taken, its length and its two ends are enough.
local function digest(entry, limit)
  if #entry <= limit then return redis.sha1hex(entry) end
  return redis.sha1hex(#entry .. ' ' .. string.sub(entry, 1, 1000) .. string.sub(entry, -1000))
end
