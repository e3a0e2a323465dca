-- Common to the scripts that end runs; Scripts.swift puts this text after prelude.lua.

local reported = {'run_name', 'status', 'finished_ts', 'labels', 'error_code', 'error', 'owner', 'trace'}

-- Writes the callback of a run that has ended, with all that it says: the run may expire before it is delivered. Its
-- id is that of the run, with its generation behind it from the second on. Where a run of this id has ended before and
-- was forgotten, it is the time.
local function report(id, url)
  local facts = redis.call('HMGET', jobs .. id, 'generation', unpack(reported))
  local generation = table.remove(facts, 1)
  local name, ended = generation and generation ~= '0' and id .. '-' .. generation or id, facts[3] or seconds(clock())
  if redis.call('EXISTS', prefix .. 'callback:' .. name) == 1 then name = id .. '-' .. string.gsub(ended, '%.', '') end
  local words = {'job', id, 'url', url, 'host', string.lower(string.match(url, '^%a+://([^/?#]*)') or ''),
    'created_ts', ended, 'attempts', '0'}
  for i, field in ipairs(reported) do
    if facts[i] then words[#words + 1], words[#words + 2] = field, facts[i] end
  end
  redis.call('DEL', prefix .. 'callback:' .. name)
  redis.call('HSET', prefix .. 'callback:' .. name, unpack(words))
  -- At once: where Redis's clock has gone back, the time of the end is that of the entry before, and to come.
  local due = whole(math.floor(math.min(ended * 1000, clock() / 1000)))
  if try('ZADD', prefix .. 'callbacks', due, name) then return end
  redis.call('DEL', prefix .. 'callbacks')
  redis.call('ZADD', prefix .. 'callbacks', due, name)
  redis.pcall('HINCRBY', prefix .. 'repairs', 'callbacks_of_wrong_type', '1')
end
