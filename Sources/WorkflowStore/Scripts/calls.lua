#!lua flags=no-writes
--[[
Reads callbacks: those that wait, by when they are due; dead ones, the newest first; or one of any state.

KEYS  1 callbacks  2 callbacks:dead
ARGV  1 key prefix  2 waiting | dead | one  3 how many at most, or the id of the one
      4 and 5 where the last page ended: when its last callback is due or was given up, ms, and its id; '' for the first page
      6 whose callbacks, '' for everybody's

Returns {ms and id of the callback at which the look has ended before it was done; empty when it was}, then
{id, when it is due or was given up, ms, or nil, name and value of each of its fields...} of each.
With an owner a look ends after 2,000 callbacks.
]]
local found, most, owner = {}, tonumber(ARGV[3]), ARGV[6]

-- Adds a callback that is there, and the owner's.
local function add(id, score)
  local key = ARGV[1] .. 'callback:' .. id
  if owner ~= '' and redis.pcall('HGET', key, 'owner') ~= owner then return end
  local fields = redis.pcall('HGETALL', key)
  if fields.err or #fields == 0 then return end
  found[#found + 1] = {id, score, unpack(fields)}
end

if ARGV[2] == 'one' then
  add(ARGV[3], redis.call('ZSCORE', KEYS[1], ARGV[3]))
  return {{}, unpack(found)}
end

local isDead = ARGV[2] == 'dead'
local from, last = ARGV[4] ~= '' and ARGV[4], ARGV[5]
-- Before the cursor come the dead ones that were given up later.
local offset = isDead and from and redis.call('ZCOUNT', KEYS[2], '(' .. from, '+inf') or 0

local function page()
  if not isDead then
    return redis.call('ZRANGEBYSCORE', KEYS[1], from or '-inf', '+inf', 'WITHSCORES', 'LIMIT', tostring(offset), '200')
  end
  return redis.call('ZREVRANGE', KEYS[2], tostring(offset), tostring(offset + 199), 'WITHSCORES')
end

-- Whether one with the score of the cursor was on the page before.
local function wasShown(id) if isDead then return id >= last else return id <= last end end

local pages, entries = 0, {}
repeat
  entries, pages = page(), pages + 1
  for i = 1, #entries, 2 do
    if #found == most then break end
    if not (from and tonumber(entries[i + 1]) == tonumber(from) and wasShown(entries[i])) then add(entries[i], entries[i + 1]) end
  end
  offset = offset + 200
until #entries < 400 or #found == most or owner ~= '' and pages == 10
local rest = #entries == 400 and #found < most and {entries[400], entries[399]} or {}
return {rest, unpack(found)}
