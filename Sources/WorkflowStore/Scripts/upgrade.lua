#!lua flags=allow-oom
--[[
Moves a queued run from a list of an older version to the queue of its class, and its documents out of its job: format 1
kept them there.

KEYS  1 the list where it waits: queue:1, suspects:1, or where a worker of format 1 has put a newer run: queue:2,
suspects:2
ARGV  1 key prefix  2 job id  3 names of the operations that it needs, sorted and separated by blanks
      4 1 if it waits among the suspects  5 crashes that end a run

Returns 1 when the run was moved, 0 when there was none to move.
Safe to send twice: a run that has left the list is left alone. It goes to the head of its queue: a caller that moves
the last of a list first keeps their order. All of a run moves at once, however large it is. A worker of format 1 that
has taken a newer run from a dead one, as it does with its own, knows nothing of the hold: the claim ends as in
recover.lua.
]]
local id = ARGV[2]
if redis.call('LREM', KEYS[1], '1', id) == 0 then return 0 end
local key = jobs .. id
local job = try('HMGET', key, 'status', 'format', 'steps', 'inputs', 'log_bytes', 'request_id', 'claims', 'crashes', 'silent',
  'last_ts')
if not job or job[1] ~= 'queued' then return 0 end

local class = string.sub(redis.sha1hex(ARGV[3]), 1, 8)
local function moveDocuments()
  local documents = string.format('%08d', #(job[3] or '')) .. (job[3] or '') .. (job[4] or '')
  redis.call('SET', prefix .. 'docs:' .. id, documents)
  local outputs = {}
  local moved = {'steps', 'inputs', 'log_bytes', 'document_bytes', 'request_id', 'claims', 'crashes', 'silent', 'last_ts',
    'token', 'seq', 'begun', 'worker', 'bytes'}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.find(fields[i], ':', 1, true) then
      outputs[#outputs + 1] = fields[i]
      outputs[#outputs + 1] = fields[i + 1]
      moved[#moved + 1] = fields[i]
    end
  end
  send('HSET', prefix .. 'outputs:' .. id, outputs, 1, #outputs)
  send('HDEL', key, moved, 1, #moved)
  redis.call('HSET', key, 'format', format, 'run', class .. string.format(' %08d ', #documents) .. (job[6] or ''))
  if job[7] then
    redis.call('HSET', key, 'again', job[7] .. ' ' .. (job[8] or '0') .. ' ' .. (job[9] or '0') .. ' ' .. (job[10] or '0')
      .. ' ' .. (job[5] or '41'), 'bytes', job[5] or '41')
  end
end
if job[2] == '1' then moveDocuments() end
redis.call('HSETNX', classes, class, ARGV[3])
local known = job[2] ~= '1' and readHold(try('HGET', holds, id))
if known then
  local deaths = select(3, string.match(try('HGET', key, 'again') or '', againPattern))
  known.crashes = whole(known.crashes + (known.begun == '1' and 1 or 0))
  release(id, known, '', known.seq == '0' and whole((deaths or 0) + 1) or '0', isSuspect(known.crashes, ARGV[5]))
else
  redis.call('LPUSH', ARGV[4] == '1' and suspectsOf(class) or queueOf(class), id)
  enqueued[class] = 1
  released[1] = id
end
settle()
return 1
