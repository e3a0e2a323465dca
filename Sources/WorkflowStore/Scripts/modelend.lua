#!lua flags=allow-oom
--[[
Records how a call of a model has ended.

KEYS  1 model:{name}  2 modelcalls:{name}  3 modelturns:{name}
ARGV  1 key prefix  2 the call's id  3 tokens a minute that the model may get, 0 for any number
      4 tokens that the call might take  5 tokens that it took, '' where that is not known
      6 how it ended: answered, refused, limited: with 429, broken: the model could not be reached or failed,
        none: it was not made or is aborted, '-' only that it is over
      7 how long the model asks to be left alone, ms, '' where it does not say
      8 broken calls in a row after which it is left alone  9 for how long at first, ms  10 at most, ms

Returns the time for which the model is left alone from now on, ms; 0 where it is not.
Safe to send twice: a call that is over changes nothing.
]]
local now = clock()
local isKnown = redis.call('ZREM', KEYS[2], ARGV[2]) == 1
redis.call('ZREM', KEYS[3], ARGV[2])
local cooldown = tonumber(redis.call('HGET', KEYS[1], 'cooldown') or nil) or 0
local function left() return math.max(0, math.ceil((cooldown - now) / 1000)) end
if not isKnown then return left() end

-- What it was counted for and did not take is free again.
local limit, used = tonumber(ARGV[3]), tonumber(ARGV[5])
if limit > 0 and (used or ARGV[6] == 'none') then
  local due = tonumber(redis.call('HGET', KEYS[1], 'tokens') or nil) or 0
  local share = (ARGV[4] - (used or 0)) * 60000000 / (limit * 0.9)
  redis.call('HSET', KEYS[1], 'tokens', whole(math.max(0, due - share)))
end
local function leaveAlone(ms)
  cooldown = math.max(cooldown, now + ms * 1000)
  redis.call('HSET', KEYS[1], 'cooldown', whole(cooldown))
end
if ARGV[6] == 'limited' then
  if ARGV[7] ~= '' then leaveAlone(ARGV[7]) end
elseif ARGV[6] == 'broken' then
  local broken = redis.call('HINCRBY', KEYS[1], 'broken', '1')
  -- A call that began before the model was left alone says nothing new.
  if broken >= tonumber(ARGV[8]) and cooldown <= now then
    local rounds = redis.call('HINCRBY', KEYS[1], 'rounds', '1')
    leaveAlone(math.min(tonumber(ARGV[10]), ARGV[9] * 2 ^ math.min(rounds - 1, 30)))
  end
  if ARGV[7] ~= '' then leaveAlone(ARGV[7]) end
elseif ARGV[6] == 'answered' or ARGV[6] == 'refused' then
  redis.call('HDEL', KEYS[1], 'broken', 'rounds', 'cooldown')
  cooldown = 0
end
redis.call('EXPIRE', KEYS[1], '86400')
return left()
