#!lua
--[[
Reads the first entries of the inbox, or of those that wait for a worker with their operations. One worker at a time
reads the inbox: its turn lasts two seconds after its last look. That only saves work; take.lua compares each entry.

KEYS  1 inbox or inbox:waiting  2 inbox:turn
ARGV  1 key prefix  2 bytes of the largest entry that is taken  3 the worker, '' to read without a turn
      4 how many entries are left out, the first ones  5 how many at most
      6 how many bytes at most, but one entry at least

Returns {Redis's clock (ms), of each entry {its digest, its bytes, the entry}}; no entries where another worker has its
turn. Of an entry that is too large only the first 1,000 bytes are returned. Redis cannot report the length of an element
without copying it, which it does here once, and once more where the entry is refused.
Safe to send twice: it changes nothing but the turn.
]]
local answer = {whole(math.floor(clock() / 1000))}
local why = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'string')
if why then return redis.error_reply('WRONGTYPE ' .. why) end
if ARGV[3] ~= '' then
  local turn = redis.call('GET', KEYS[2])
  if turn and turn ~= ARGV[3] then return answer end
  redis.call('SET', KEYS[2], ARGV[3], 'PX', '2000')
end
local limit, most, room = tonumber(ARGV[2]), tonumber(ARGV[5]), tonumber(ARGV[6])
for at = 0, most - 1 do
  local entry = redis.call('LINDEX', KEYS[1], whole(at + ARGV[4]))
  if not entry or at > 0 and #entry > room then break end
  room = room - #entry
  answer[at + 2] = {digest(entry), #entry, #entry > limit and string.sub(entry, 1, 1000) or entry}
end
return answer
