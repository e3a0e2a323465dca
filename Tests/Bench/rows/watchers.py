"""Watchers: the delay of events to 2,000 event streams over 200 runs, at 200 events/s in all.

The streams come through nginx from wf's API; against them 2,000 plain subscribers to the same channels of the same Redis.
The events are written as a worker's record writes them, progress entry and message in one script, but by the harness:
so they come at an even pace, each with the time at which Redis published it. The delay is from there to the client.
Every event must reach its ten watchers; those that are missing are reported. Memory is what the API's proportional set
size has grown by with the streams attached and events flowing, per stream.
"""
import json
import signal
import subprocess
import time

import rounds
from client import Client
from services import HERE, Nginx, Redis, WfAPI, python
from table import Row

RUNS, WATCHERS_PER_RUN, EVENTS_PER_SECOND = 200, 10, 200

# KEYS: progress, ARGV: channel. The API does not look at the message; the plain subscribers read the time in it.
EVENT = """
local time = redis.call('TIME')
local ts = string.format('%d.%06d', time[1], time[2])
redis.call('RPUSH', KEYS[1], '{"ts":' .. ts .. ',"msg":"step_start","step":"pre","op":"preprocess"}')
redis.call('PUBLISH', ARGV[1], ts)
"""


def measure(bench):
    with Redis(bench.folder) as redis_server, WfAPI(bench.folder, redis_server) as api, \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}) as nginx:
        with Client(nginx.ports["wf"], redis_server) as client:
            jobs = [client.submit(bench.example) for _ in range(RUNS)]
        jobs_file = f"{bench.folder}/jobs"
        with open(jobs_file, "w") as file:
            file.write("\n".join(jobs))
        publish = redis_server.client.register_script(EVENT)
        idle, memory, missing = api.pss_bytes(), [], {"sse": 0, "redis": 0}
        everything = {"sse": [], "redis": []}

        def arm(kind, place):
            def measure_once():
                with subprocess.Popen(
                        [python("arq"), f"{HERE}/watch_client.py", kind, str(place), jobs_file, str(WATCHERS_PER_RUN)],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watchers:
                    if watchers.stdout.readline() != "ready\n":
                        raise RuntimeError("the watchers cannot be attached")
                    _publish(publish, jobs, 1)
                    since = time.time()
                    events = _publish(publish, jobs, bench.steady_seconds)
                    if kind == "sse":
                        memory.append((api.pss_bytes() - idle) / RUNS / WATCHERS_PER_RUN / 1024)
                    line = f"{since} {events * WATCHERS_PER_RUN}\n"
                    report = json.loads(watchers.communicate(line, timeout=30)[0])
                delays = report["delays_ms"]
                missing[kind] += events * WATCHERS_PER_RUN - len(delays)
                everything[kind] += delays
                return rounds.percentile(delays, 0.99)
            return measure_once

        arms = {"sse": arm("sse", nginx.ports["wf"]), "redis": arm("redis", redis_server.socket)}
        figures = rounds.alternate(arms, bench.rounds, "ms, p99")
    return _rows(figures, memory, missing, everything)


def _publish(publish, jobs, seconds):
    """Publishes one event at each tick of a timer; returns how many events."""
    count = int(seconds * EVENTS_PER_SECOND)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, 1 / EVENTS_PER_SECOND, 1 / EVENTS_PER_SECOND)
    for number in range(count):
        signal.sigwait({signal.SIGALRM})
        job = jobs[number % len(jobs)]
        publish([f"wf:progress:{job}"], [f"wf:events:{job}"])
    signal.setitimer(signal.ITIMER_REAL, 0)
    return count


def _rows(figures, memory, missing, everything):
    middle = rounds.medians(figures)
    p50 = {kind: rounds.median(delays) for kind, delays in everything.items()}
    note = f"{middle['sse']:.1f} ms against {middle['redis']:.1f}; p50 {p50['sse']:.1f} against {p50['redis']:.1f}"
    if any(missing.values()):
        note += f"; events that did not arrive: {missing}"
    name = "2,000 SSE watchers, 200 runs, 200 events/s"
    return [
        Row(name, "delay p99 against 2,000 plain Redis subscribers", rounds.ratio(figures, "sse", "redis"), ("<=", 5),
            note=note, details={"p99_ms": figures, "missing": missing}),
        Row(name, "memory of the API per watcher", rounds.median(memory), ("<=", 32), unit="KB",
            details={"kilobytes": memory})]
