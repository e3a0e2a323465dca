#!lua flags=no-writes
--[[
Reads the texts that models are writing for a run. Those of an earlier claim are void: its worker is gone.

KEYS  1 texts:{id}  2 holds
ARGV  1 the beginning of the keys of its texts, `text:{id}:`  2 bytes of texts after which the answer ends
      3 the run's id

Returns {step or `step:item`, claim and number of the attempt, text} of each.
]]
local answer, bytes = {}, 0
local claim = string.match(redis.call('HGET', KEYS[2], ARGV[3]) or '', '^%d+')
local attempts = redis.call('HGETALL', KEYS[1])
for i = 1, #attempts, 2 do
  local key = ARGV[1] .. attempts[i]
  local length = redis.call('STRLEN', key)
  if string.match(attempts[i + 1], '^%d+') == claim and bytes + length <= tonumber(ARGV[2]) then
    bytes = bytes + length
    answer[#answer + 1] = {attempts[i], attempts[i + 1], redis.call('GET', key) or ''}
  end
end
return answer
