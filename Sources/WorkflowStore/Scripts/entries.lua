-- Common to the scripts that read entries of the inbox; Scripts.swift puts this text after prelude.lua.

-- By what an entry is known again. A digest of a megabyte takes milliseconds, so of a long one the length and both ends
-- must be enough. An entry has two members, so its job id is in one of them: two entries with the same ends are the
-- same job, and whichever comes first counts.
local function digest(entry)
  if #entry <= 65536 then return redis.sha1hex(entry) end
  return redis.sha1hex(#entry .. ' ' .. string.sub(entry, 1, 1000) .. string.sub(entry, -1000))
end
