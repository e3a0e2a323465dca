#!lua
--[[
Appends to the texts that models are writing, for those who follow the runs.

KEYS  1 holds
ARGV  1 key prefix  2 seconds that a text is kept after its last piece; then of each piece
      the run's id, its token, the step or `step:item`, the attempt's number (0: the text is over, and goes), its offset
      in bytes, the text

The number of the attempt and the number of the claim distinguish the text of an attempt from others. It lies in
`text:{id}:{step}`; the hash `texts:{id}` says of each step or item which attempt its text is of.

Returns for each piece how many bytes of the text are there now; -1: the run is no longer this worker's. A piece that
does not begin where the text ends is not appended, and the worker sends what is missing.
Safe to send twice: what is there is not appended again.
]]
local answers, messages = {}, {}
for i = 3, #ARGV, 6 do
  local id, token, unit, attempt = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local offset, text = tonumber(ARGV[i + 4]), ARGV[i + 5]
  local hold = redis.call('HGET', KEYS[1], id)
  local attempts, key, known = prefix .. 'texts:' .. id, prefix .. 'text:' .. id .. ':' .. unit, -1
  local claim, channel = string.match(token, '^%d+'), prefix .. 'events:' .. id
  local name = claim .. '.' .. attempt
  if attempt == '0' then
    -- The run may be over by now.
    known = 0
    if string.match(redis.call('HGET', attempts, unit) or '', '^%d+') == claim then
      redis.call('HDEL', attempts, unit)
      redis.call('UNLINK', key)
      messages[#messages + 1] = {channel, 'over ' .. unit}
    end
  elseif hold and string.sub(hold, 1, #token + 1) == token .. ' ' then
    if redis.call('HGET', attempts, unit) ~= name then
      -- Those of an earlier claim were cut off with its worker.
      local all = redis.call('HGETALL', attempts)
      for j = 1, #all, 2 do
        if string.match(all[j + 1], '^%d+') ~= claim then
          redis.call('HDEL', attempts, all[j])
          redis.call('UNLINK', prefix .. 'text:' .. id .. ':' .. all[j])
        end
      end
      redis.call('HSET', attempts, unit, name)
      redis.call('UNLINK', key)
    end
    known = redis.call('STRLEN', key)
    if known == offset then
      known = redis.call('APPEND', key, text)
      messages[#messages + 1] = {channel, 'text ' .. name .. ' ' .. ARGV[i + 4] .. ' ' .. unit .. '\n' .. text}
    end
    redis.call('EXPIRE', key, ARGV[2])
    redis.call('EXPIRE', attempts, ARGV[2])
  end
  answers[#answers + 1] = known
end
for _, message in ipairs(messages) do redis.pcall('PUBLISH', message[1], message[2]) end
return answers
