"""Backlogs of queued runs for wf, and how fast a backlog shrinks.

Runs are put in by the very submit that wf's API sends (captured_commands.py), with ids of the loader's own, pipelined.
A queue's rate is taken in its steady part: from the moment when a tenth of it is gone to the moment when a twentieth
is left; neither the start of a process nor the end of the queue is in it.
"""
import socket
import time
import uuid

from captured_commands import JOB, REQUEST, resp
from processes import wait_until


def job_ids(count):
    return [str(uuid.UUID(int=number, version=4)) for number in range(count)]


def load(redis_server, submit, count):
    """Puts runs in wf's queue; returns their ids."""
    jobs = job_ids(count)
    template = resp(submit)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(redis_server.socket)
        replies = connection.makefile("rb")
        for first in range(0, count, 200):
            batch = jobs[first:first + 200]
            connection.sendall(b"".join(
                template.replace(JOB.encode(), job.encode()).replace(REQUEST.encode(), job.replace("-", "").encode())
                for job in batch))
            for _ in batch:
                _expect_accepted(replies)
    return jobs


def _expect_accepted(replies):
    """Reads the answer of submit.lua to one run: an array of one 1."""
    lines = [replies.readline()]
    if lines[0] == b"*1\r\n":
        lines.append(replies.readline())
    if lines[-1] != b":1\r\n":
        raise RuntimeError(f"a run of the backlog was not accepted: {lines}")


def steady_rate(remaining, count, processes, limit=180):
    """Runs per second in the steady part, and how many seconds that part was.

    `remaining` returns how many runs are still queued.
    """
    first, last = int(count * 0.9), int(count * 0.05)
    started, at_start = _reach(remaining, first, processes, limit)
    ended, at_end = _reach(remaining, last, processes, limit)
    seconds = ended - started
    return (at_start - at_end) / seconds, seconds


def _reach(remaining, level, processes, limit):
    left = None

    def reached():
        nonlocal left
        left = remaining()
        return left <= level

    wait_until(reached, limit, f"the queue shrinks to {level}", processes, pause=0.005)
    return time.monotonic(), left


def wait_until_finished(redis_server, jobs, processes, limit=60, pause=0.1):
    """Waits until every run is finished; raises when one has failed or is missing."""
    try:
        wait_until(
            lambda: statuses(redis_server, jobs[-1:]) == {b"finished": 1}, limit, "the last run finishes", processes, pause)
        wait_until(
            lambda: statuses(redis_server, jobs).get(b"finished") == len(jobs), limit, "the runs finish", processes, pause)
    except TimeoutError as error:
        names = ", ".join(process.name for process in processes)
        raise TimeoutError(f"{error}; {names} left {statuses(redis_server, jobs)}") from None


def statuses(redis_server, jobs):
    """How many of the runs have which status."""
    counts = {}
    for first in range(0, len(jobs), 2000):
        pipeline = redis_server.client.pipeline(transaction=False)
        for job in jobs[first:first + 2000]:
            pipeline.hget(f"wf:job:{job}", "status")
        for status in pipeline.execute():
            counts[status] = counts.get(status, 0) + 1
    return counts


def times(redis_server, jobs):
    """When each run was first claimed and when it ended, in seconds by Redis's clock."""
    pipeline = redis_server.client.pipeline(transaction=False)
    for job in jobs:
        pipeline.hmget(f"wf:job:{job}", "started_ts", "finished_ts")
    return [(float(started), float(finished)) for started, finished in pipeline.execute()]
