"""Many watchers of runs, in one process: event streams over HTTP, or plain subscribers to the channels in Redis.

    python watch_client.py sse   PORT         JOBS-FILE WATCHERS-PER-RUN
    python watch_client.py redis REDIS-SOCKET JOBS-FILE WATCHERS-PER-RUN

It says `ready` on standard output when every watcher has had its first answer, and goes on until a line comes on
standard input, which is the time from which events count. Then it prints the delays in ms, as JSON: for each watcher
and event the time of arrival less the event's own time, which Redis's clock gave it.
"""
import asyncio
import json
import re
import sys
import time

import uvloop

EVENT_TIME = re.compile(rb'data: \{"ts":([0-9.]+)')
MESSAGE = re.compile(rb"\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n([0-9.]+)\r\n")

arrivals = []  # (when it came, when it happened)
attached = set()


class Watcher(asyncio.Protocol):
    """One connection that sends a request and then only reads."""

    def __init__(self, request, pattern, first_answer):
        self.request, self.pattern, self.first_answer = request, pattern, first_answer

    def connection_made(self, transport):
        transport.write(self.request)

    def data_received(self, data):
        now = time.time()
        if self not in attached and self.first_answer in data:
            attached.add(self)
        for text in self.pattern.findall(data):
            arrivals.append((now, float(text)))

    def connection_lost(self, error):
        attached.discard(self)


def make_watcher(kind, job):
    if kind == "sse":
        request = f"GET /status/{job}/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
        return Watcher(request, EVENT_TIME, b"event: status")
    return Watcher(f"SUBSCRIBE wf:events:{job}\r\n".encode(), MESSAGE, b"subscribe")


async def connect(loop, kind, place, job):
    if kind == "sse":
        await loop.create_connection(lambda: make_watcher(kind, job), "127.0.0.1", int(place))
        return
    while True:
        try:
            await loop.create_unix_connection(lambda: make_watcher(kind, job), place)
            return
        except BlockingIOError:  # Redis's queue of new connections is full
            await asyncio.sleep(0.01)


async def watch(kind, place, jobs, per_run):
    loop = asyncio.get_running_loop()
    for job in jobs * per_run:
        await connect(loop, kind, place, job)
    expected = len(jobs) * per_run
    deadline = time.monotonic() + 30
    while len(attached) < expected:
        if time.monotonic() > deadline:
            sys.exit(f"only {len(attached)} of {expected} watchers have had an answer")
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    since = float(await loop.run_in_executor(None, sys.stdin.readline))
    delays = sorted((came - happened) * 1000 for came, happened in arrivals if happened >= since)
    print(json.dumps({"delays_ms": delays, "attached": len(attached)}), flush=True)


if __name__ == "__main__":
    with open(sys.argv[3]) as file:
        uvloop.run(watch(sys.argv[1], sys.argv[2], file.read().split(), int(sys.argv[4])))
