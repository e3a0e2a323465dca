-- Common to the scripts that move callbacks; Scripts.swift puts this text after prelude.lua. Where a callback is:
--   callbacks       it waits until it is due, or is being sent until its lease ends
--   callbacks:dead  it was given up
--   neither         it is delivered; its hash says so until it expires

local waiting, buried = prefix .. 'callbacks', prefix .. 'callbacks:dead'

local function callbackKey(id) return prefix .. 'callback:' .. id end

-- Why these scripts cannot work on the keys; nil when they can.
local function callbackFault()
  local why = misfit(waiting, 'zset') or misfit(buried, 'zset')
  return why and redis.error_reply('WRONGTYPE ' .. why)
end

-- Gives a callback up. `retain`: seconds that it is kept; `most`: how many dead ones are kept, the newest.
local function bury(id, now, retain, most)
  local key, ms = callbackKey(id), math.floor(now / 1000)
  redis.call('ZREM', waiting, id)
  redis.call('HDEL', key, 'token')
  redis.call('HSET', key, 'dead_ts', seconds(now))
  redis.call('EXPIRE', key, retain)
  redis.call('ZADD', buried, whole(ms), id)
  for _, old in ipairs(redis.call('ZREVRANGE', buried, most, '-1')) do redis.call('UNLINK', callbackKey(old)) end
  redis.call('ZREMRANGEBYRANK', buried, '0', whole(-most - 1))
  redis.call('ZREMRANGEBYSCORE', buried, '-inf', whole(ms - retain * 1000))
  redis.call('EXPIRE', buried, retain)
end
