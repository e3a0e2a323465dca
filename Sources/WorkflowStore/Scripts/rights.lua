#!lua flags=no-writes
--[[
Asks which commands the user of this connection may not run. None of them is run.

KEYS  the keys that all runs share: a cluster refuses this script unless they are in one slot
ARGV  commands, each a number of words and the words

Returns the number of each command that is refused, from 1, negative when Redis does not know it;
        nil when this server cannot report it (before Redis 7).
]]
if not redis.acl_check_cmd then return false end
local refused = {}
local first, number = 1, 0
while first <= #ARGV do
  local last = first + ARGV[first]
  number = number + 1
  local isKnown, isAllowed = pcall(redis.acl_check_cmd, unpack(ARGV, first + 1, last))
  if not isKnown then
    refused[#refused + 1] = -number
  elseif not isAllowed then
    refused[#refused + 1] = number
  end
  first = last + 1
end
return refused
