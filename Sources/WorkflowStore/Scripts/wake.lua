-- Common to the scripts that write a run's log or enqueue runs; Scripts.swift puts this text after prelude.lua.

-- How many runs of each class the script has enqueued.
local enqueued = {}

-- Appends words of a list to a run's log. A log of another type is replaced; otherwise nothing of the run could ever be
-- recorded.
local function log(key, words, first, last)
  if first > last then return end
  if not try('RPUSH', key, unpack(words, first, math.min(first + 999, last))) then
    redis.call('DEL', key)
    redis.pcall('HINCRBY', ARGV[1] .. 'repairs', 'logs_of_wrong_type', '1')
    return send('RPUSH', key, words, first, last)
  end
  if last - first > 999 then send('RPUSH', key, words, first + 1000, last) end
end

-- Wakes one idle worker for each run that was enqueued and that it serves, as far as it is known: a worker that has not
-- seen the newest classes may serve them. Those come first that have been idle for longest. A worker whose channel has
-- no subscriber is gone, and another one is woken. Who is woken is idle again when a claim has emptied the queue.
local function wakeWorkers(enqueued)
  if not next(enqueued) then return end
  local idle, serves = ARGV[1] .. 'idle', ARGV[1] .. 'serves'
  local workers = redis.pcall('ZRANGEBYSCORE', idle, '-inf', '+inf', 'LIMIT', '0', '100')
  for _, worker in ipairs(workers) do
    local known, useful = redis.pcall('HGET', serves, worker), nil
    known = type(known) == 'string' and known or '0'
    for class, left in pairs(enqueued) do
      local isServed = string.find(known, class, 1, true)
        or string.match(known, '^%d+') + 0 ~= redis.call('HLEN', ARGV[1] .. 'classes')
      if left > 0 and isServed then useful = class end
    end
    if useful then
      redis.call('ZREM', idle, worker)
      redis.pcall('HDEL', serves, worker)
      local reached = redis.pcall('PUBLISH', ARGV[1] .. 'wake:' .. worker, '')
      if type(reached) ~= 'number' then return end
      if reached > 0 then enqueued[useful] = enqueued[useful] - 1 end
    end
  end
end
