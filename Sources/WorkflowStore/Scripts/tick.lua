#!lua
--[[
Fires a tick of a schedule: starts its run, and moves on to the time at which the schedule is due next, in one go. So a
tick is one run, however many workers fire it and wherever they die. A tick that was fired before is not fired again,
also after a step back of Redis's clock: the last ones are known, and the run of any other one has the same id.

KEYS  1 schedules
ARGV  1 key prefix  2 name  3 generation  4 when the schedule is due, as the caller has read it
      5 the tick, in seconds since 1970, '' to fire none  6 when the schedule is due next, `inf` for never
      7 how many ticks before this one are left out
      8 what becomes of the tick while the run of the last one has not ended: allow | skip | wait
      9 number of this partition  10 how many partitions there are  11 how many fired ticks are remembered
      12 seconds that an ended run is kept

Returns {'fired', job id}; {'moved'}: no tick was to be fired, or this one was before; {'skipped'}: the run of the last
        tick has not ended; the schedule continues in all three cases.
        {'changed'}: it is due at another time, is another one, or is gone; {'early'}: Redis's clock is not there yet;
        {'waiting'}: the run of the last tick has not ended; {'held', sentence}: the run's queue is no list. Nothing is
        written in these.
Safe to send twice: the schedule is due at another time then.
]]
retention = ARGV[12] + 0
local name, tick = ARGV[2], ARGV[5]
local key, all = prefix .. 'schedule:' .. name, prefix .. 'schedules'
local why = misfit(key, 'hash') or misfit(all, 'zset')
if why then return redis.error_reply('WRONGTYPE ' .. why) end
local known = redis.call('HMGET', key, 'generation', 'next', 'fired', 'job')
if known[1] ~= ARGV[3] or known[2] ~= ARGV[4] then return {'changed'} end
if tick ~= '' and tonumber(tick) > tonumber(time[1]) then return {'early'} end
local fired = known[3] or ''

-- The number of the partition that an id is in, as Partitions.swift has it: FNV-1a of 32 bits.
local function partitionOf(id)
  local hash = 2166136261
  for i = 1, #id do
    hash = bit.bxor(hash, string.byte(id, i)) % 4294967296
    -- 16777619 is 2^24 + 403; the whole product has more digits than a number keeps.
    hash = (hash * 403 + hash % 256 * 16777216) % 4294967296
  end
  return hash % ARGV[10]
end

-- The id of the tick's run: the UUID of version 5 (RFC 9562) in the name space of the generation for `name/tick`; where
-- that is in another partition, for `name/tick/1` and so on.
local function runID()
  local space = string.gsub(string.gsub(ARGV[3], '-', ''), '%x%x', function(digits)
    return string.char(tonumber(digits, 16))
  end)
  local text, attempt = name .. '/' .. tick, 0
  while true do
    local hash = redis.sha1hex(space .. text .. (attempt > 0 and '/' .. attempt or ''))
    local variant = tonumber(string.sub(hash, 17, 17), 16) % 4 + 1
    local id = string.sub(hash, 1, 8) .. '-' .. string.sub(hash, 9, 12) .. '-5' .. string.sub(hash, 14, 16) .. '-'
      .. string.sub('89ab', variant, variant) .. string.sub(hash, 18, 20) .. '-' .. string.sub(hash, 21, 32)
    if ARGV[10] == '1' or partitionOf(id) == tonumber(ARGV[9]) then return id end
    attempt = attempt + 1
  end
end

local function isUnderWay(id)
  local status = try('HGET', jobs .. id, 'status')
  return status == 'queued' or status == 'started'
end

-- The fired ticks with this one, without those before the last ones.
local function remembered()
  local ticks = {}
  for word in string.gmatch(fired .. ' ' .. tick, '%S+') do ticks[#ticks + 1] = word end
  return table.concat(ticks, ' ', math.max(1, #ticks - ARGV[11] + 1))
end

-- Goes on to the next time, with further fields of the schedule.
local function advance(outcome, left, ...)
  if left > 0 then redis.pcall('HINCRBY', key, 'skipped', whole(left)) end
  redis.call('HSET', key, 'next', ARGV[6], ...)
  redis.call('ZADD', all, ARGV[6], name)
  return outcome
end

local left = tonumber(ARGV[7])
local isNew = tick ~= '' and not string.find(' ' .. fired .. ' ', ' ' .. tick .. ' ', 1, true)
local id = isNew and runID()
if not id or redis.call('EXISTS', jobs .. id) == 1 then return advance({'moved'}, left) end
if ARGV[8] ~= 'allow' and known[4] and isUnderWay(known[4]) then
  if ARGV[8] == 'wait' then return {'waiting'} end
  return advance({'skipped'}, left + 1)
end
local run = redis.call('HMGET', key, 'head', 'run_name', 'documents', 'needs', 'options')
learn(1, run[4])
local options = run[5] and run[5] ~= '' and readOptions(run[5]) or nil
local fault = faults[1] or options and options.fault
if fault then return {'held', fault} end
admit(id, jobs .. id, run[2], run[3], 1, string.sub(run[1], 42), options)
redis.call('HSET', jobs .. id, 'schedule', tick .. ' ' .. name)
redis.pcall('HINCRBY', key, 'runs', '1')
advance(nil, left, 'fired', remembered(), 'job', id)
enqueue()
return {'fired', id}
