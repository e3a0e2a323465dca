-- Common to the scripts that put runs on lists; Scripts.swift puts this text after prelude.lua.
--
-- A list of runs is one Redis list for each hour: the ids of the runs in the order in which they came. Nothing leaves
-- such a list, so a place in it means the same for good; it expires when its runs have, and who lists runs leaves out
-- those that have expired before. `runs` has the hours of submissions, `ended` those of other ends than success.
-- An entry of `ended` has the generation behind the id from the second one on, so that an earlier end is another entry.
-- The hash `ended:{hour}:again` counts those by status whose runs were run again.

-- How long a list is kept after its hour beside the runs' own time. reconcile.lua keeps those of older live runs.
local spare = 7200

-- Adds ids to the list of an hour; `kept`: seconds that its runs are kept; `isLonger`: that is longer than usual.
local function enlist(shelf, hour, index, ids, kept, isLonger)
  local key = prefix .. shelf .. ':' .. hour .. index
  local length
  for from = 1, #ids, 1000 do
    length = redis.pcall('RPUSH', key, unpack(ids, from, math.min(from + 999, #ids)))
  end
  if type(length) ~= 'number' then return end
  if length == #ids then
    redis.call('EXPIRE', key, whole(kept + spare))
    redis.pcall('ZADD', prefix .. shelf, hour, hour)
  elseif isLonger then
    redis.call('EXPIRE', key, whole(kept + spare), 'GT')
  end
end
