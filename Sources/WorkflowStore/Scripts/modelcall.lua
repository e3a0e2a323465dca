#!lua
--[[
Says whether a call of a model may begin now, for all workers together, and reserves the most that it may cost.

KEYS  1 model:{name}  2 modelcalls:{name}  3 modelturns:{name}  4 spent:{job id}  5 reserved:{owner}
ARGV  1 key prefix  2 the call's id  3 its nonce  4 until it counts as abandoned, ms
      5 calls at the same time, 6 calls a minute, 7 tokens a minute that the model may get; 0 for any number
      8 tokens that the call may take  9 the most that it may cost, '' where no price is known
      10 what the run, 11 what the owner may spend in a day; '' for any amount
      12 owner, '-' for none  13 the model's name  14 seconds to keep what a run has spent  15 the step

Returns {0, ''}: it may begin, and counts as under way, as a call, and as an estimate of what it costs;
        {until it is to ask again, ms; why: 'cooldown', 'requests', 'tokens', 'calls' or 'budget'; with 'cooldown' also
        how the last call failed};
        {-1, 'run' or 'day', what is left}: less than it may cost is left to be spent.
Amounts are billionths. A call that is to wait for its turn keeps the turn, so that it waits once. Until `kept` of the
model the place that is free is for the call whose run was returned to its queue (hurry.lua).
Safe to send twice: a call that is under way under the same nonce may begin.

What a call may cost is booked as spent before it begins, and modelend.lua puts what it did cost in its place: so what
a crash leaves behind stays booked, and counted. The rates are kept by the generic cell rate algorithm (ITU-T I.371, annex A): a call
moves the time at which the next one is due by its share of a minute, and none begins more than 3 s before it is due. The
share is a ninth larger than the limit says, so that no minute has more than the limit, also where calls are up to 3 s
late.
]]
local now = clock()
local id, nonce, lapse = ARGV[2], ARGV[3], clock() + ARGV[4] * 1000
local field = 'r:' .. id
local cost = tonumber(ARGV[9])
local function later(time, why) return {math.max(1, math.ceil((time - now) / 1000)), why} end

-- A reservation: its nonce, end of lease, amount (`-` where no price is known) and day.
local function read(text)
  if not text then return nil end
  local held, ends, amount, day = string.match(text, '^(%S+) (%d+) (%S+) (%d+)$')
  return held and {nonce = held, lapse = tonumber(ends), cost = tonumber(amount), day = day}
end

-- What the calls under way may cost that have reserved something here; `but`: the field of one that does not count.
local function live(key, but)
  local sum, fields = 0, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local one = fields[i] ~= but and string.sub(fields[i], 1, 2) == 'r:' and read(fields[i + 1])
    if one and one.lapse > now then sum = sum + (one.cost or 0)
    -- The run's must stay until the step is called again.
    elseif one and key == KEYS[5] then redis.call('HDEL', key, fields[i]) end
  end
  return sum
end

local former = read(redis.call('HGET', KEYS[4], field))
if former and former.nonce == nonce then return {0, ''} end
local known = redis.call('HMGET', KEYS[1], 'cooldown', 'requests', 'tokens', 'rounds', 'took', 'kept', 'why')
local cooldown = tonumber(known[1] or nil) or 0
if cooldown > now then
  local answer = later(cooldown, 'cooldown')
  answer[3] = known[7] or ''
  return answer
end

-- What may be spent.
local today = math.floor(now / 86400000000)
local spending = prefix .. 'spending:' .. today
local spent = 'spent:' .. ARGV[12]
if cost then
  local budgets = {{'run', KEYS[4], ARGV[10], KEYS[4], 'booked'}, {'day', KEYS[5], ARGV[11], spending, spent}}
  for _, budget in ipairs(budgets) do
    local limit = tonumber(budget[3])
    local booked = limit and tonumber(redis.call('HGET', budget[4], budget[5]) or nil) or 0
    if limit and booked + cost > limit then
      local least = booked - live(budget[2], field)
      if least + cost > limit then return {-1, budget[1], whole(math.max(0, limit - least))} end
      return {1000, 'budget'}
    end
  end
end

-- Its turn by the rates; one that was left for an hour is gone.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. whole(now - 3600000000))
local turn, why = tonumber(redis.call('ZSCORE', KEYS[3], id) or nil), 'requests'
local isNew = not turn
if isNew then
  turn = now
  local rates = {{'requests', known[2], ARGV[6], 1}, {'tokens', known[3], ARGV[7], tonumber(ARGV[8])}}
  for _, rate in ipairs(rates) do
    local due = (tonumber(rate[2] or nil) or 0) - 3000000
    if tonumber(rate[3]) > 0 and due > turn then turn, why = due, rate[1] end
  end
  for _, rate in ipairs(rates) do
    local limit = tonumber(rate[3])
    if limit > 0 then
      local share = rate[4] * 60000000 / (limit * 0.9)
      redis.call('HSET', KEYS[1], rate[1], whole(math.max(turn, tonumber(rate[2] or nil) or 0) + share))
    end
  end
end

-- A place among those under way; one that is its own from before a crash is free for it.
local calls = tonumber(ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. whole(now))
local isFull = calls > 0 and redis.call('ZCARD', KEYS[2]) >= calls and not redis.call('ZSCORE', KEYS[2], id)
if isNew and calls > 0 and (tonumber(known[6] or nil) or 0) > now then
  isFull = isFull or redis.call('ZCOUNT', KEYS[3], '-inf', whole(now)) > 0
end
if turn > now or isFull then
  redis.call('ZADD', KEYS[3], whole(turn), id)
  redis.call('EXPIRE', KEYS[3], '3600', 'NX')
  redis.call('EXPIRE', KEYS[3], whole(math.ceil(math.max(0, turn - now) / 1000000) + 3600), 'GT')
  redis.call('EXPIRE', KEYS[1], '86400')
  if turn > now then return later(turn, why) end
  -- As long as those before it will take.
  local before = redis.call('ZCOUNT', KEYS[3], '-inf', whole(turn))
  local took = tonumber(known[5] or nil) or 1000
  return {math.floor(math.min(30000, math.max(200, before * took / calls))), 'calls'}
end
redis.call('ZREM', KEYS[3], id)
redis.call('ZADD', KEYS[2], whole(lapse), id)
redis.call('EXPIRE', KEYS[2], '86400')
-- The first call after a model was left alone is a trial: the next one begins when it has answered, or a while later.
if known[4] then redis.call('HSET', KEYS[1], 'cooldown', whole(now + 2000000)) end
redis.call('EXPIRE', KEYS[1], '86400')
local step, name = ':' .. ARGV[15], ':' .. ARGV[12] .. ':' .. ARGV[13]
local reservation = string.format('%s %.0f %s %d', nonce, lapse, cost and whole(cost) or '-', today)
redis.call('HSET', KEYS[4], field, reservation)
redis.call('HINCRBY', KEYS[4], 'calls' .. step, '1')
redis.call('HINCRBY', spending, 'calls' .. name, '1')
-- The end of the last call for the step was never recorded: what was booked for it stays.
if former then
  redis.call('HINCRBY', KEYS[4], 'failed' .. step, '1')
  redis.call('HINCRBY', spending, 'failed' .. name, '1')
end
if cost then
  redis.call('HINCRBY', KEYS[4], 'booked', whole(cost))
  redis.call('HINCRBY', spending, spent, whole(cost))
  for field, count in pairs({cost = whole(cost), estimated = '1'}) do
    redis.call('HINCRBY', KEYS[4], field .. step, count)
    redis.call('HINCRBY', spending, field .. name, count)
  end
  if ARGV[11] ~= '' then
    redis.call('HSET', KEYS[5], field, reservation)
    redis.call('EXPIRE', KEYS[5], '172800')
  end
end
redis.call('EXPIRE', KEYS[4], ARGV[14])
redis.call('EXPIRE', spending, '8640000')
return {0, ''}
