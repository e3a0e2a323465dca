"""Many watchers of runs, in one process: event streams over HTTP, or plain subscribers to the channels in Redis.

    python watch_client.py sse   PORT         JOBS-FILE WATCHERS-PER-RUN
    python watch_client.py redis REDIS-SOCKET JOBS-FILE WATCHERS-PER-RUN

It says `ready` on standard output when every watcher has had its first answer, and goes on until a line comes on
standard input: the time from which events count, and how many arrivals of them there should be. When they are there, or
5 s later, it prints the delays in ms, as JSON: for each watcher and event the time of arrival less the event's own time,
which Redis's clock gave it.
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
news = asyncio.Event()


class Watcher(asyncio.Protocol):
    """One connection that sends a request and then only reads."""

    def __init__(self, request, pattern, first_answer):
        self.request, self.pattern, self.first_answer = request, pattern, first_answer
        self.answered = asyncio.Event()

    def connection_made(self, transport):
        transport.write(self.request)

    def data_received(self, data):
        now = time.time()
        if self.first_answer in data:
            self.answered.set()
        for text in self.pattern.findall(data):
            arrivals.append((now, float(text)))
        news.set()


def make_watcher(kind, job):
    if kind == "sse":
        request = f"GET /status/{job}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
        return Watcher(request, EVENT_TIME, b"event: status")
    return Watcher(f"SUBSCRIBE wf:events:{job}\r\n".encode(), MESSAGE, b"subscribe")


async def connect(loop, kind, place, job):
    """Opens one watcher and waits for its first answer, so that no queue of new connections fills up."""
    watcher = make_watcher(kind, job)
    if kind == "sse":
        await loop.create_connection(lambda: watcher, "127.0.0.1", int(place))
    else:
        await loop.create_unix_connection(lambda: watcher, place)
    await asyncio.wait_for(watcher.answered.wait(), 30)


async def wait_for_arrivals(since, expected, seconds=5):
    """Returns the arrivals of events since a time, once so many have come, or those that have when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        found = [(came, happened) for came, happened in arrivals if happened >= since]
        left = deadline - time.monotonic()
        if len(found) >= expected or left <= 0:
            return found
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), left)
        except asyncio.TimeoutError:
            pass


async def watch(kind, place, jobs, per_run):
    loop = asyncio.get_running_loop()
    for job in jobs * per_run:
        await connect(loop, kind, place, job)
    print("ready", flush=True)
    since, expected = (await loop.run_in_executor(None, sys.stdin.readline)).split()
    found = await wait_for_arrivals(float(since), int(expected))
    print(json.dumps({"delays_ms": sorted((came - happened) * 1000 for came, happened in found)}), flush=True)


if __name__ == "__main__":
    with open(sys.argv[3]) as file:
        uvloop.run(watch(sys.argv[1], sys.argv[2], file.read().split(), int(sys.argv[4])))
