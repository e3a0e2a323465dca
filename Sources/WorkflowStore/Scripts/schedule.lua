#!lua
--[[
Creates a schedule, or replaces what is known of it. A replaced schedule remains the same one: it keeps its generation
and what it has fired, and, where its rule is the same, the time at which it is due next.

KEYS  1 schedules
ARGV  1 key prefix  2 name  3 generation of a new one, a UUID  4 how many schedules there may be
      5 what it says of times, as JSON  6 its rule: two schedules with the same rule are due at the same times
      7 when it is due next, in seconds since 1970, `inf` for never
      8 the run as submit.lua takes it: its facts, with class 1 and without an idempotency key  9 its name
      10 its documents  11 the operations that it needs  12 the run as it was submitted, as JSON
      13 its options as submit.lua takes them, '' for none

Returns 'created', 'replaced', or 'full': there are too many; nothing is written.
Safe to send twice: the second call replaces the schedule by the same one.
]]
local key, all = prefix .. 'schedule:' .. ARGV[2], prefix .. 'schedules'
local why = misfit(key, 'hash') or misfit(all, 'zset')
if why then return redis.error_reply('WRONGTYPE ' .. why) end
local known = redis.call('HMGET', key, 'generation', 'rule', 'next')
local isKnown = known[1] and true or false
if not isKnown and redis.call('ZCARD', all) >= tonumber(ARGV[4]) then return 'full' end
local next = isKnown and known[2] == ARGV[6] and known[3] or ARGV[7]
if not isKnown then
  redis.call('HSET', key, 'generation', ARGV[3], 'created_ts', seconds(clock()), 'runs', '0', 'skipped', '0', 'fired', '')
end
redis.call('HSET', key, 'spec', ARGV[5], 'rule', ARGV[6], 'next', next, 'head', ARGV[8], 'run_name', ARGV[9],
  'documents', ARGV[10], 'needs', ARGV[11], 'body', ARGV[12],
  'options', ARGV[13])
redis.call('ZADD', all, next, ARGV[2])
return isKnown and 'replaced' or 'created'
