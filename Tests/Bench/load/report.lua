-- What the wrk scripts share: counts answers that are not the expected one, and prints the figures as one line of JSON.
local threads = {}

function setup(thread) threads[#threads + 1] = thread end

function init() unexpected = 0 end

function response(status)
  if status ~= expected then unexpected = unexpected + 1 end
end

function done(summary, latency)
  local bad = 0
  for _, thread in ipairs(threads) do bad = bad + (thread:get("unexpected") or 0) end
  local errors = summary.errors
  io.write(string.format(
    'FIGURES {"per_second": %f, "requests": %d, "unexpected": %d, "socket_errors": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests / (summary.duration / 1e6), summary.requests, bad,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
