#!lua
--[[
Accepts a run: the job, its first progress entry, its place in the queue and its idempotency key.

KEYS  1 job  2 progress  3 queue  4 live runs  5 idle workers  6 idempotency (only when the client sent a key)
ARGV  1 job id  2 run name  3 steps (JSON)  4 inputs (JSON)  5 format version  6 request id
      7 seconds that an idempotency key is kept  8 wake channel

Returns {'accepted', job id}: this job, now or by an earlier sending, or the job that the same key and body made;
        {'conflict', job id}: the key was used with another body, for that job.
Safe to send twice: a job that is there is answered again.
]]
local id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then return {'accepted', id} end

local digest
if KEYS[6] then
  digest = redis.sha1hex(#ARGV[2] .. ' ' .. ARGV[2] .. ARGV[3] .. '\n' .. ARGV[4])
  local known = redis.call('GET', KEYS[6])
  if known then
    local job, body = string.match(known, '^(%S+) (%S+)$')
    return {body == digest and 'accepted' or 'conflict', job}
  end
end

-- First, so that a queue of a wrong type ends the script before anything is written.
enqueue('RPUSH', KEYS[3], id)
redis.pcall('ZADD', KEYS[4], clock(), id)
if digest then redis.call('SET', KEYS[6], id .. ' ' .. digest, 'EX', ARGV[7]) end
local now = seconds(clock())
redis.call('HSET', KEYS[1], 'status', 'queued', 'run_name', ARGV[2], 'created_ts', now, 'last_ts', now,
  'format', ARGV[5], 'request_id', ARGV[6], 'steps', ARGV[3], 'inputs', ARGV[4], 'bytes', 0)
redis.call('RPUSH', KEYS[2], '{"ts":' .. now .. ',"msg":"enqueued"}')
wakeWorkers(KEYS[5], ARGV[8])
return {'accepted', id}
