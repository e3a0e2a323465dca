"""Lists: the longest that Redis spends on a page of 100 of 1,000,000 finished runs, by each filter.

A loader writes the runs by a script, over 24 hours, with the fields and the lists of runs that wf has finished; without
logs and results, which no list reads. One in a thousand has failed, one in ten belongs to a name, and one in 100,000 has
a rare name and label. Every page is asked of an API over HTTP; the time is the longest command of Redis's slow log.
"""
import http.client
import json
import time
import urllib.parse

from services import Nginx, Redis, WfAPI
from table import Row

# ARGV: first and last number, hour of these runs.
FILL = """
for number = ARGV[1], ARGV[2] do
  local id = string.format('00000000-0000-4000-9000-%012d', number)
  local rare, failed, owned = number % 100000 == 7, number % 1000 == 3, number % 10 == 1
  local status, name = failed and 'failed' or 'finished', rare and 'rare' or 'nightly'
  local time = string.format('%d.%06d', ARGV[3] * 3600 + number % 3600, number % 1000000)
  local labels = rare and '{"batch":"rare"}' or '{"batch":"b' .. number % 100 .. '"}'
  local words = {'status', status, 'run_name', name, 'created_ts', time, 'started_ts', time, 'finished_ts', time,
    'format', '2', 'run', '01234567 0123456789abcdef', 'bytes', '2048', 'end', '1-host-4711-0123456789abcdef/17 3',
    'labels', labels}
  if failed then
    for _, word in ipairs({'error', 'the model is gone', 'error_code', 'provider_unavailable'}) do words[#words + 1] = word end
  end
  if owned then words[#words + 1], words[#words + 2] = 'owner', 'alice' end
  redis.call('HSET', 'wf:job:' .. id, unpack(words))
  redis.call('EXPIRE', 'wf:job:' .. id, 604800)
  local lists = {'', ':name:' .. name, ':label:batch=' .. (rare and 'rare' or 'b' .. number % 100)}
  if owned then lists[#lists + 1] = ':owner:alice' end
  for _, list in ipairs(lists) do redis.call('RPUSH', 'wf:runs:' .. ARGV[3] .. list, id) end
  if failed then redis.call('RPUSH', 'wf:ended:' .. ARGV[3] .. ':failed', id) end
end
redis.call('ZADD', 'wf:runs', ARGV[3], ARGV[3])
redis.call('ZADD', 'wf:ended', ARGV[3], ARGV[3])
"""

FILTERS = [
    "", "status=finished", "status=failed", "status=cancelled", "status=queued", "status=started", "name=nightly",
    "name=rare", "name=none", "label=batch=b7", "label=batch=rare", "label=batch=none", "owner=alice", "owner=none",
    "error_code=provider_unavailable", "error_code=timeout", "status=failed&error_code=timeout",
    "status=finished&name=rare", "status=finished&status=failed&label=batch=b7", "name=nightly&label=batch=rare",
    "name=nightly&owner=alice", "since=2999-01-01T00:00:00Z", "before=2000-01-01T00:00:00Z",
    "before={middle}", "since={middle}&name=rare", "before={middle}&error_code=timeout",
]
PAGES = 5  # of each filter


def measure(bench):
    count = 20_000 if bench.quick else 1_000_000
    with Redis(bench.folder) as redis_server:
        _fill(redis_server, count)
        with WfAPI(bench.folder, redis_server) as api, \
                Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}) as nginx:
            port = nginx.ports["wf"]
            longest = {query or "none": _longest(redis_server, port, query) for query in FILTERS}
    worst = max(longest, key=longest.get)
    return [Row(f"a page of 100 of {count:,} finished runs", f"longest command of Redis of {len(FILTERS)} filters",
                longest[worst], ("<=", 20), unit=" ms", note=worst, details={"milliseconds": longest})]


def _fill(redis_server, count):
    fill = redis_server.client.register_script(FILL)
    hour, part = int(time.time() // 3600) - 23, count // 24 + 1
    for first in range(0, count, 1000):
        fill([], [first, min(first + 999, count - 1), hour + first // part])
    redis_server.client.config_set("slowlog-log-slower-than", 0)
    redis_server.client.config_set("slowlog-max-len", 1000)


def _longest(redis_server, port, query):
    """The longest command of some pages of a filter, ms."""
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 12 * 3600))
    query, cursor, longest = query.replace("{middle}", middle), None, 0
    for _ in range(PAGES):
        redis_server.client.slowlog_reset()
        more = [f"cursor={urllib.parse.quote(cursor)}"] if cursor else []
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", "/status?" + "&".join(filter(None, [query, *more])))
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{query}: {answer.status} {body}")
        longest = max([longest] + [entry["duration"] / 1000 for entry in redis_server.client.slowlog_get(1000)])
        cursor = json.loads(body)["next"]
        if cursor is None:
            break
    return longest
