#!lua flags=allow-oom
--[[
Records how a call of a model has ended, and what it has used.

KEYS  1 model:{name}  2 modelcalls:{name}  3 modelturns:{name}  4 spent:{job id}  5 reserved:{owner}
ARGV  1 key prefix  2 the call's id  3 its nonce  4 tokens a minute that the model may get, 0 for any number
      5 tokens that the call might take  6 tokens that it took, '' where that is not known
      7 how it ended: answered, refused, limited: with 429, broken: the model could not be reached or failed, aborted
      8 broken calls in a row after which the model is left alone  9 for how long at first, ms  10 at most, ms; 0: never
      11 how long the call took, ms  12 what it cost, '' for what was reserved
      13 owner, '-' for none  14 the model's name  15 the step  16 seconds to keep what a run has spent
      17 1 where the cost is the most that it may have been, else 0  18 calls at the same time that the model may get, 0
      for any number  19 how it failed, '' where it did not  20... names of what it has used, each with a number

Returns {the time for which the model is left alone from now on, ms, 0 where it is not; the ids of the first calls that
wait for the place of this one, at most eight...}.
Safe to send twice: a call that is over changes nothing.
]]
local now = clock()
local id, field = ARGV[2], 'r:' .. ARGV[2]
local known = redis.call('HMGET', KEYS[1], 'cooldown', 'rounds', 'took', 'tokens')
local cooldown = tonumber(known[1] or nil) or 0
local held = redis.call('HGET', KEYS[4], field)
local nonce, amount, day = string.match(held or '', '^(%S+) %d+ (%S+) (%d+)$')
-- Another call has taken the place of this one, or its end is recorded.
local isOver = nonce and nonce ~= ARGV[3]
local isKnown = not isOver and redis.call('ZREM', KEYS[2], id) == 1
redis.call('ZREM', KEYS[3], id)

-- What it did cost, in place of what it might have.
local today = day or whole(math.floor(now / 86400000000))
local spending = prefix .. 'spending:' .. today
local name = ARGV[13] .. ':' .. ARGV[14]
if nonce == ARGV[3] then
  redis.call('HDEL', KEYS[4], field)
  redis.call('HDEL', KEYS[5], field)
  isKnown = true
  if amount ~= '-' and ARGV[12] ~= '' then
    local less = whole(ARGV[12] - amount)
    redis.call('HINCRBY', KEYS[4], 'booked', less)
    redis.call('HINCRBY', KEYS[4], 'cost:' .. ARGV[15], less)
    redis.call('HINCRBY', spending, 'spent:' .. ARGV[13], less)
    redis.call('HINCRBY', spending, 'cost:' .. name, less)
    if ARGV[17] == '0' then
      redis.call('HINCRBY', KEYS[4], 'estimated:' .. ARGV[15], '-1')
      redis.call('HINCRBY', spending, 'estimated:' .. name, '-1')
    end
  end
end
local function answer()
  local answer = {math.max(0, math.ceil((cooldown - now) / 1000))}
  if ARGV[18] == '0' then return answer end
  for i, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', whole(now), 'LIMIT', '0', '8')) do
    answer[i + 1] = one
  end
  return answer
end
if not isKnown then return answer() end
for i = 20, #ARGV, 2 do
  if ARGV[i + 1] ~= '0' then
    redis.call('HINCRBY', spending, ARGV[i] .. ':' .. name, ARGV[i + 1])
    redis.call('HINCRBY', KEYS[4], ARGV[i] .. ':' .. ARGV[15], ARGV[i + 1])
  end
end
redis.call('EXPIRE', KEYS[4], ARGV[16])
redis.call('EXPIRE', spending, '8640000')

-- What it was counted for and did not take is free again.
local limit, used = tonumber(ARGV[4]), tonumber(ARGV[6])
if limit > 0 and used then
  local share = (ARGV[5] - used) * 60000000 / (limit * 0.9)
  redis.call('HSET', KEYS[1], 'tokens', whole(math.max(0, (tonumber(known[4] or nil) or 0) - share)))
end
local longest = tonumber(ARGV[10])
if ARGV[7] == 'broken' and longest > 0 then
  local broken = redis.call('HINCRBY', KEYS[1], 'broken', '1')
  redis.call('HSET', KEYS[1], 'why', ARGV[19])
  -- A call that began before the model was left alone says nothing new; the trial after it does.
  local rounds = tonumber(known[2] or nil) or 0
  if broken >= tonumber(ARGV[8]) and (cooldown <= now or rounds > 0 and cooldown - now <= 2000000) then
    cooldown = now + math.min(longest, ARGV[9] * 2 ^ math.min(rounds, 30)) * 1000
    redis.call('HSET', KEYS[1], 'rounds', whole(rounds + 1), 'cooldown', whole(cooldown))
  end
elseif ARGV[7] == 'answered' or ARGV[7] == 'refused' then
  redis.call('HDEL', KEYS[1], 'broken', 'rounds', 'cooldown', 'why')
  cooldown = 0
  if ARGV[7] == 'answered' then
    local took = tonumber(known[3] or nil) or tonumber(ARGV[11])
    redis.call('HSET', KEYS[1], 'took', whole(took * 0.8 + ARGV[11] * 0.2))
  end
end
redis.call('EXPIRE', KEYS[1], '86400')
return answer()
