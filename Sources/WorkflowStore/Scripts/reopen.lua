#!lua
--[[
Opens a new generation of a run that has ended: it is queued again, without the records of the steps that are to be run
again, and without the result of the last generation.

KEYS  1 live  2 deadlines  3 dead letters
ARGV  1 key prefix  2 job id  3 the status and the generation with which the caller has read it, as `failed 0`
      4 what its claims return, with the new generation as its last word  5 bytes of its log
      6 1 if some output that is kept is a placeholder's
      7 the wish under which its documents lie in reopen:{id}:{wish} and reopen_docs:{id}:{wish}, how many fields the first
        has, and how many bytes the second; '' where they are those that it has
      8 seconds that an ended run is kept  9 the step from which it is run again, '' for those that have failed
      10 how many entries of its log follow; of each its members besides the time
      then the fields of its outputs that go

Returns 'queued'; {'changed', status, generation}: it is not as the caller has read it, because it was opened before, or
it is gone; the generation is 0 while it runs again from another step; {'held', sentence}: a key has the wrong type; {'incomplete'}: the documents are gone; {'lost'}: those of the wish
are not all there. Nothing is written in these.
Safe to send twice: the generation is another one then. The job keeps the id of the request: a web server that sends a
request again opens one generation, though the run may have ended in between.
]]
local id, job = ARGV[2], jobs .. ARGV[2]
local known = try('HMGET', job, 'status', 'generation', 'end', 'again', 'created_ts', 'finished_ts', 'limit', 'owner', 'kept', 'retain') or {}
local request = string.match(ARGV[4], '^%S+ %S+ (%S+)')
local last, step = string.match(redis.call('HGET', job, 'reopened') or '', '^(%S+) (.*)$')
if not known[1] or last == request or known[1] .. ' ' .. (known[2] or '0') ~= ARGV[3] then
  local isOther = last ~= request and step ~= ARGV[9] and (known[1] == 'queued' or known[1] == 'started')
  return {'changed', known[1] or 'gone', not isOther and known[2] or '0'}
end
local class = string.sub(ARGV[4], 1, 8)
local docs, outputs = prefix .. 'docs:' .. id, prefix .. 'outputs:' .. id
local wish, fields, length = string.match(ARGV[7], '^(%S+) (%d+) (%d+)$')
local staged, stagedDocs = prefix .. 'reopen:' .. id .. ':' .. (wish or ''), prefix .. 'reopen_docs:' .. id .. ':' .. (wish or '')
local why = misfit(queueOf(class), 'list') or misfit(KEYS[1], 'zset') or misfit(KEYS[2], 'zset') or misfit(KEYS[3], 'zset')
  or misfit(outputs, 'hash') or misfit(classes, 'hash')
if why then return {'held', why} end
if redis.call('HEXISTS', classes, class) == 0 then return {'incomplete'} end
if wish and (redis.call('HLEN', staged) ~= tonumber(fields) or redis.call('STRLEN', stagedDocs) ~= tonumber(length)) then
  return {'lost'}
end
if not wish and redis.call('EXISTS', docs) == 0 then return {'incomplete'} end

local first = 11 + ARGV[10]
if wish then
  redis.call('RENAME', stagedDocs, docs)
  redis.call('UNLINK', outputs)
  if redis.call('EXISTS', staged) == 1 then redis.call('RENAME', staged, outputs) end
else
  if #ARGV >= first then send('HDEL', outputs, ARGV, first, #ARGV) end
end
-- The run may have ended in a long queue, and its entry may be there: a second one would let it begin before its time.
if redis.call('HGET', job, 'entry') then
  redis.call('LREM', queueOf(class), '1', id)
  redis.pcall('LREM', suspectsOf(class), '1', id)
end
redis.call('PERSIST', docs)
redis.call('PERSIST', outputs)
redis.call('PERSIST', job)
redis.call('PERSIST', prefix .. 'progress:' .. id)
redis.call('UNLINK', prefix .. 'result:' .. id, prefix .. 'part:' .. id)

-- The end that the run had is counted no more.
if known[1] ~= 'finished' then
  local key = prefix .. 'ended:' .. whole(math.floor((tonumber(known[6] or nil) or 0) / 3600)) .. ':again'
  redis.pcall('HINCRBY', key, known[1], '1')
  redis.pcall('EXPIRE', key, whole((known[10] or ARGV[8]) + 7200))
end

local hour, kept = string.match(known[9] or '', '^(%d+) (%d+)$')
if known[8] then
  local live, key = countLive(known[8], 1, redis.call('STRLEN', docs))
  if live and hour then redis.pcall('HINCRBY', key, hour, '-' .. kept) end
end

local now = clock()
local ts, bytes = later(seconds(now), known[6]), tonumber(ARGV[5])
local entries = {}
for i = 11, first - 1 do
  entries[#entries + 1] = '{"ts":' .. ts .. ',' .. ARGV[i] .. '}'
  bytes = bytes + #entries[#entries]
end
log(prefix .. 'progress:' .. id, entries, 1, #entries)
-- The next claim is none of the first: what there is of outputs is read, and goes when the run finishes. One that was
-- cut off by a cancel is counted nowhere, so its number is left out.
local claims = 1 + math.max(tonumber(string.match(known[3] or '', '^%d+') or 0), tonumber(string.match(known[4] or '', '^%d+') or 0))
redis.call('HDEL', job, 'error', 'error_code', 'finished_ts', 'due', 'paused', 'kept', 'entry', ARGV[6] == '1' and 'due' or 'degraded')
redis.call('HSET', job, 'status', 'queued', 'run', ARGV[4], 'generation', string.match(ARGV[4], '%d+$'), 'reopened', request .. ' ' .. ARGV[9],
  'reopened_ts', ts, 'again', whole(claims) .. ' 0 0 ' .. ts .. ' ' .. whole(bytes), 'bytes', whole(bytes))
redis.call('ZREM', KEYS[3], id)
if known[7] then redis.call('ZADD', KEYS[2], whole(math.floor(now / 1000) + math.ceil(known[7] * 1000)), id) end
redis.call('ZADD', KEYS[1], (string.gsub(known[5] or '0', '%.', '')), id)
redis.call('RPUSH', queueOf(class), id)
redis.pcall('PUBLISH', ARGV[1] .. 'events:' .. id, '')
enqueued[class] = 1
wakeWorkers(enqueued)
return 'queued'
