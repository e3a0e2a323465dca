-- Puts the result of a finished run together from what lies in Redis; Scripts.swift puts this text before record.lua.

-- The bytes of a run's inputs, from a first to a last one, as they were submitted.
local function inputs(id, range)
  local key = prefix .. 'docs:' .. id
  local start = 8 + (tonumber(try('GETRANGE', key, '0', '7') or '') or 0)
  local first, last = string.match(range, '^(%d+) (%d+)$')
  if not first then return try('GETRANGE', key, whole(start), '-1') end
  local text = try('GETRANGE', key, whole(start + first), whole(start + last))
  return text and #text == last - first + 1 and text or nil
end

-- The text of some pieces of a result; nil and the document that is gone.
local function assemble(id, first, last)
  if first == last then return ARGV[first] end
  local pieces, names, places = {}, {}, {}
  for i = first, last do
    local kind, rest = string.sub(ARGV[i], 1, 1), string.sub(ARGV[i], 2)
    local n = #pieces + 1
    if kind == 't' then
      pieces[n] = rest
    elseif kind == 'd' then
      pieces[n] = inputs(id, rest)
      if not pieces[n] then return nil, 'inputs' end
    else
      pieces[n] = ''
      names[#names + 1] = rest
      places[#places + 1] = n
    end
  end
  for from = 1, #names, 1000 do
    local found = try('HMGET', prefix .. 'outputs:' .. id, unpack(names, from, math.min(from + 999, #names)))
    for n = from, math.min(from + 999, #names) do
      local document = found and found[n - from + 1]
      if not document or string.byte(document) == 47 then return nil, names[n] end
      pieces[places[n]] = document
    end
  end
  return table.concat(pieces)
end

-- The text that a call brings of the result; nil and why it cannot be had.
local function resultText(id, pieces, next, written, total)
  local text, missing = assemble(id, pieces, next - 1)
  if not text then return nil, {'refused', 'the document ' .. missing .. ' is gone', ''} end
  if written > 0 and try('STRLEN', prefix .. 'part:' .. id) ~= total then
    return nil, {'refused', 'the beginning of its result is gone', ''}
  end
  return text
end

