-- Common to the scripts that read or write holds; Scripts.swift puts this text after prelude.lua.

-- The later of two times as `seconds` writes them, which are in the order of their texts; the second may be missing or
-- of another form.
local function later(time, other)
  return other and #other == #time and other > time and other or time
end

-- Whether a text has the form of a job id. Other keys under the same prefix may look like a job's: those of another
-- wf whose own prefix continues this one.
local function isJobID(text)
  local byte = string.byte
  return #text == 36 and byte(text, 9) == 45 and byte(text, 14) == 45 and byte(text, 19) == 45 and byte(text, 24) == 45
end

-- The error to answer when one of these keys is of another type than it should be, given as key, type...; nil when none
-- is.
local function misfits(...)
  local pairs = {...}
  for i = 1, #pairs, 2 do
    local why = misfit(pairs[i], pairs[i + 1])
    if why then return redis.error_reply('WRONGTYPE ' .. why) end
  end
end

-- A hold by the names of its parts: the token, the number of the last record, how many calls of the next one have laid
-- down documents, 1 while a step is under way that may take the worker down with it, crashes in a row, the time of the
-- last entry, bytes of the log, the run's class. Nil when there is no hold.
local function readHold(text)
  local token, seq, staged, begun, crashes, time, bytes, class = string.match(text or '',
    '^(%S+) (%d+) (%d+) (%d) (%d+) (%S+) (%d+) (%S+)$')
  return token and {token = token, seq = seq, staged = staged, begun = begun, crashes = crashes, time = time,
    bytes = bytes, class = class}
end

-- The text of a hold. `last`: the token and the number of the last record.
local function holdText(last, staged, begun, crashes, time, bytes, class)
  return last .. ' ' .. staged .. ' ' .. begun .. ' ' .. crashes .. ' ' .. time .. ' ' .. bytes .. ' ' .. class
end

-- What a job says for its next claim: claims, crashes in a row, deaths in a row before anything was recorded, the time
-- of the last entry, bytes of the log.
local againPattern = '^(%d+) (%d+) (%d+) (%S+) (%d+)$'
