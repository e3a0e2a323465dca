-- Common to all scripts: Scripts.swift puts this text before each of them (after its `#!lua` line). A script that uses
-- a key has the prefix of all keys as its first argument; Keys.swift lists them with their types and lifetimes, and
-- draws the states.
-- Each call of a script creates its functions again, and pays most for what they take from outside: so they take
-- little, and a script is given only the texts that it needs.

local prefix = ARGV[1]
local jobs = prefix .. 'job:'
local holds, classes = prefix .. 'holds', prefix .. 'classes'

-- The version of what is stored for a run.
-- How to change the format: raise it when a worker of the last release would misread what this one writes; a new field
-- that old workers ignore needs no new version. upgrade.lua then moves the runs that wait in the old queues, and a test
-- upgrades a Redis with runs of the old format in every state. The page Developing says what else to do.
local format = '2'

-- Redis's clock, in microseconds since 1970. A script reads it once: TIME may change while it runs.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- A whole number as text. A number that is handed to Redis as it is costs more, and loses digits.
local function whole(number) return string.format('%.0f', number) end

-- Microseconds as seconds with six decimals, the form of every time that wf stores.
local function seconds(us)
  return string.format('%d.%06d', math.floor(us / 1000000), us % 1000000)
end

-- The answer of a command to a key that somebody else may have given another type: nil then. Any other error, such as a
-- right that this user lacks, ends the script: what cannot be read must not be taken for what is not there.
local function checked(answer)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer) end
  return nil
end

local function try(...) return checked(redis.pcall(...)) end

-- Why a key cannot be used as a key of a type; nil when it can, or is not there.
local function misfit(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then return key .. ' is a ' .. found .. ', not a ' .. kind end
end

-- Hands a command its key and the words of a list from one to another, in portions that Lua's stack can hold.
local function send(command, key, words, first, last)
  local answer
  for from = first, last, 1000 do
    answer = redis.call(command, key, unpack(words, from, math.min(from + 999, last)))
  end
  return answer
end

-- Where the runs wait that a class of operations can execute, and those of them whose next crash would end them.
local function queueOf(class) return ARGV[1] .. 'queue:2:' .. class .. ':normal' end
local function suspectsOf(class) return ARGV[1] .. 'suspects:2:' .. class end
