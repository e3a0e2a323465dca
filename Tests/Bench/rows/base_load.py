"""This build against the base under load: submits, a drain by one worker, statuses; runs/s and µs of CPU.

A round of one build: an emptied Redis, example runs submitted over 64 kept connections with no worker running; one worker
drains them; the status of one that is finished is asked for over 64 kept connections. The load goes straight to the API's
socket (fastcgi_load.py): no web server shares the cores. The drain is measured between the end of the run at a tenth of the
queue and the end of the one at a twentieth before its end; what Redis spends there is claim and record of the runs between.
CPU is user and system time by the processes' own clocks. Rounds are short and many: what else runs on the machine changes with
time, and meets both builds alike.
"""
import contextlib

import fastcgi_load
import rounds
from builds import Stack, binaries, compare


def measure(bench):
    submits, statuses, turns = (3_000, 3_000, 3) if bench.quick else (8_000, 6_000, 20)
    with contextlib.ExitStack() as resources:
        stacks = {name: Stack(bench, name, binary, resources) for name, binary in binaries(bench).items()}
        for stack in stacks.values():
            _round(stack, 500, 500)
        figures = rounds.alternate_several(
            {name: lambda stack=stack: _round(stack, submits, statuses) for name, stack in stacks.items()}, turns)
    return [
        compare("runs/s of a drain of queued example runs, one worker", figures["runs/s"], (">=", 1.35), 1.5, "runs/s"),
        compare("CPU of Redis, claim and record of a run", figures["Redis µs/run"], ("<=", 0.70), 0.60, "µs"),
        compare("CPU of Redis, submit at 64 connections", figures["Redis µs/submit"], ("<=", 0.65), 0.55, "µs"),
        compare("CPU of the API, submit, kept connections", figures["API µs/submit"], ("<=", 0.70), 0.60, "µs"),
        compare("CPU of the API, status of a finished run", figures["API µs/status"], ("<=", 0.75), 0.65, "µs"),
        compare("CPU of the worker, example run", figures["worker µs/run"], ("<=", 0.75), 0.65, "µs"),
    ]


def _round(stack, submits, statuses):
    stack.redis.flush()
    with Cost(submits, API=stack.api, Redis=stack.redis) as submitting:
        jobs = stack.submit(submits)
    drained = _drain(stack, jobs)
    with Cost(statuses, API=stack.api) as asking:
        fastcgi_load.load(stack.api.socket, fastcgi_load.statuses(jobs[0], statuses), b"200")
    return {
        **drained, "API µs/submit": submitting.microseconds["API"], "Redis µs/submit": submitting.microseconds["Redis"],
        "API µs/status": asking.microseconds["API"]}


def _drain(stack, jobs):
    first, last = len(jobs) // 10, len(jobs) - len(jobs) // 20
    with stack.worker() as worker:
        stack.wait_until_finished(jobs[first], [worker])
        with Cost(last - first, worker=worker, Redis=stack.redis) as cost:
            stack.wait_until_finished(jobs[last], [worker])
        stack.wait_until_finished(jobs[-1], [worker])
    seconds = stack.finished_at(jobs[last]) - stack.finished_at(jobs[first])
    return {"runs/s": (last - first) / seconds, "worker µs/run": cost.microseconds["worker"],
            "Redis µs/run": cost.microseconds["Redis"]}


class Cost:
    """CPU time of processes, by name, over the block that it is opened for: microseconds for each of a number of things."""

    def __init__(self, number, **processes):
        self.number, self.processes = number, processes

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        now = self._now()
        self.microseconds = {name: (now[name] - self.before[name]) / self.number / 1000 for name in now}

    def _now(self):
        return {name: process.cpu_nanoseconds() for name, process in self.processes.items()}
