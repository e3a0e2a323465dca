#!lua flags=no-writes
--[[
Reads a page of runs, the newest first.

KEYS  1 job (any key of this store, for servers that route by it)
ARGV  1 key prefix  2 where they are looked for: 'runs' and 'ended' have lists by hour (indexes.lua); 'live': by
      submission; 'leases': those that are started
      3 of lists by hour, which: '' for all, `:name:{name}`, `:owner:{owner}`, `:label:{name}={value}`, `:{status}`,
        `:{status}:owner:{owner}`
      4, 5 where the page begins, '' for the newest: an hour and a place before which it ends; of the others a time of
      submission, µs, and the id after which it continues
      6 how many runs at most  7 how many are looked at at most
      8 only those submitted at this time or later, µs, '' for all  9 and before this time, '' for all
      10... pairs of a field and what it must be: status (one of several, with blanks around each), run_name, owner,
      error_code; paused (`1`); label (`{name}={value}`)

Returns {the two words where the next page begins, '' when there is none; how many were looked at;
         {job id, its place (two words), status, run_name, created_ts, started_ts, finished_ts, error_code, the
         beginning of its error, labels, priority, owner, paused, degraded, generation, due, schedule, reopened_ts} of each}.
]]
local prefix, where, limit, most = ARGV[1], ARGV[2], tonumber(ARGV[6]), tonumber(ARGV[7])
local since, before = tonumber(ARGV[8]), tonumber(ARGV[9])
local report, looked = {'', '', 0}, 0

local function hasLabel(labels, wanted)
  for name, value in pairs(labels and cjson.decode(labels) or {}) do
    if name .. '=' .. value == wanted then return true end
  end
  return false
end

local function fits(job)
  if not job[1] then return false end
  local created = since or before
  if created then
    created = (tonumber(job[3] or nil) or 0) * 1000000
    if since and created < since or before and created >= before then return false end
  end
  for i = 10, #ARGV, 2 do
    local field, wanted = ARGV[i], ARGV[i + 1]
    if field == 'status' and not string.find(wanted, ' ' .. job[1] .. ' ', 1, true)
      or field == 'run_name' and job[2] ~= wanted
      or field == 'owner' and job[10] ~= wanted
      or field == 'error_code' and job[6] ~= wanted
      or field == 'paused' and not job[11]
      or field == 'label' and not hasLabel(job[8], wanted) then return false end
  end
  return true
end

-- Looks at a run; returns whether the page is full with it. The entry of an end has a generation.
local function look(entry, first, second)
  local id, generation = string.sub(entry, 1, 36), where == 'ended' and string.sub(entry, 38)
  looked = looked + 1
  local job = redis.pcall('HMGET', prefix .. 'job:' .. id, 'status', 'run_name', 'created_ts', 'started_ts',
    'finished_ts', 'error_code', 'error', 'labels', 'priority', 'owner', 'paused', 'degraded', 'generation', 'due',
    'schedule', 'reopened_ts')
  if not job.err and (not generation or (job[13] or '0') == (generation == '' and '0' or generation)) and fits(job) then
    if job[7] then job[7] = string.sub(job[7], 1, 400) end
    report[#report + 1] = {id, first, second, unpack(job)}
  end
  if #report - 3 < limit and looked < most then return false end
  report[1], report[2] = first, second
  return true
end

-- The lists of hours, the latest first.
local function walkHours()
  local latest = ARGV[4] ~= '' and ARGV[4] or '+inf'
  if before and where == 'runs' and ARGV[4] == '' then latest = string.format('%.0f', math.floor(before / 3600000000)) end
  local earliest = since and string.format('%.0f', math.floor(since / 3600000000)) or '-inf'
  for _, hour in ipairs(redis.call('ZREVRANGEBYSCORE', prefix .. where, latest, earliest)) do
    local key = prefix .. where .. ':' .. hour .. ARGV[3]
    local upper = hour == ARGV[4] and tonumber(ARGV[5]) or redis.call('LLEN', key)
    while upper > 0 do
      local lower = math.max(0, upper - 100)
      local ids = redis.call('LRANGE', key, lower, upper - 1)
      for i = #ids, 1, -1 do
        if look(ids[i], hour, string.format('%.0f', lower + i - 1)) then return end
      end
      upper = lower
    end
  end
end

-- The live runs by submission. Those that were submitted in one call have the same time; they are in the order of ids.
local function walkLive()
  local offset, latest = 0, ARGV[4] ~= '' and ARGV[4] or '+inf'
  while true do
    local some = redis.call('ZREVRANGEBYSCORE', prefix .. 'live', latest, ARGV[8] ~= '' and ARGV[8] or '-inf', 'WITHSCORES',
      'LIMIT', offset, '100')
    for i = 1, #some, 2 do
      local id, score = some[i], some[i + 1]
      if (score ~= ARGV[4] or id < ARGV[5]) and look(id, score, id) then return end
    end
    if #some < 200 then return end
    offset = offset + 100
  end
end

-- The started runs; there are no more than the workers hold.
local function walkStarted()
  local runs = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'leases', '-inf', '+inf', 'LIMIT', '0', '5000')) do
    local score = redis.call('ZSCORE', prefix .. 'live', id)
    if score then runs[#runs + 1] = {score, id} end
  end
  table.sort(runs, function(one, other)
    if one[1] ~= other[1] then return tonumber(one[1]) > tonumber(other[1]) end
    return one[2] > other[2]
  end)
  for _, run in ipairs(runs) do
    local isAfter = ARGV[4] == '' or tonumber(run[1]) < tonumber(ARGV[4]) or run[1] == ARGV[4] and run[2] < ARGV[5]
    if isAfter and look(run[2], run[1], run[2]) then return end
  end
end

if where == 'live' then walkLive() elseif where == 'leases' then walkStarted() else walkHours() end
report[3] = looked
return report
