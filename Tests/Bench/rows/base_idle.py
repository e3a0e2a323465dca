"""This build against the base on an idle stack: time from submit to finished, memory, and scripts with 8 idle workers.

Time: as rows/latency.py measures it, through nginx with kept connections, a run when the worker has not run for 10 ms.
Memory: proportional set size of API and worker without a model, each settled after one run. The stacks run one after the
other, each from a copy of its binary: pages that several processes have mapped count only in part.
Scripts: how many Redis runs (MONITOR) for a run that is submitted while 8 workers are idle, and that is over before the next
one is submitted. Scripts that workers run by themselves were counted before, while nothing was submitted; what a script has run
more often than then counts.
"""
import collections
import contextlib
import os
import re
import shutil
import socket
import time

import rounds
from builds import Stack, binaries, compare, in_both
from processes import settled_pss, wait_until, wait_until_idle
from table import Row

RUNS = 40  # a round
WORKERS = 8
LEASE = 15  # wf's default; a worker looks for lapsed leases only after one


def measure(bench):
    scripts = {name: round(number, 1) for name, number in in_both(bench, _scripts_per_run).items()}
    return [
        compare("submit → finished, idle stack, p50", _latency(bench), ("<=", 0.80), 0.68, "ms"),
        compare("memory of the idle API and worker, no model, PSS", _memory(bench), ("<=", 0.70), 0.65, "MB"),
        Row("against the base", f"scripts per submitted run with {WORKERS} idle workers", scripts["this"], ("<=", 3),
            unit="", note=f"the base: {scripts['base']:.1f}", details=scripts)]


def _latency(bench):
    with contextlib.ExitStack() as resources:
        arms = {}
        for name, binary in binaries(bench).items():
            stack = Stack(bench, name, binary, resources)
            worker = resources.enter_context(stack.worker())
            client = resources.enter_context(stack.client())
            client.seconds_to_finish(bench.example)
            arms[name] = lambda client=client, worker=worker: _p50(bench, client, worker)
        return rounds.alternate(arms, bench.rounds + bench.more_rounds, "ms, p50")


def _p50(bench, client, worker):
    seconds = []
    for _ in range(RUNS):
        wait_until_idle(worker)
        seconds.append(client.seconds_to_finish(bench.example))
    return rounds.median(seconds) * 1000


def _memory(bench):
    def arm(name, binary):
        copy = shutil.copy(binary, os.path.join(bench.folder, f"wf-{name}"))

        def measure_once():
            with contextlib.ExitStack() as resources:
                stack = Stack(bench, f"{name}-memory", copy, resources)
                worker = resources.enter_context(stack.worker())
                with stack.client() as client:
                    client.seconds_to_finish(bench.example)
                return (settled_pss(stack.api) + settled_pss(worker)) / 1e6
        return measure_once

    return rounds.alternate({name: arm(name, binary) for name, binary in binaries(bench).items()}, bench.rounds, "MB")


def _scripts_per_run(stack):
    runs, seconds = (100, 6) if stack.bench.quick else (200, 15)
    with contextlib.ExitStack() as resources:
        workers = [resources.enter_context(stack.worker(number)) for number in range(1, WORKERS + 1)]
        client = resources.enter_context(stack.client())
        # All of them are at work when there was more than some could take.
        stack.wait_until_finished(stack.submit(100 * WORKERS)[-1], workers)
        _wait(LEASE + 2, workers)
        with Scripts(stack.redis) as by_themselves:
            _wait(seconds, workers)
        with Scripts(stack.redis) as of_runs:
            for _ in range(runs):
                client.seconds_to_finish(stack.bench.example)
                _wait_until_quiet(stack)
    share = of_runs.seconds / by_themselves.seconds
    number = sum(max(0, calls - by_themselves.calls[name] * share) for name, calls in of_runs.calls.items()) / runs
    print(f"  {stack.name}: {number:.2f} scripts a run", flush=True)
    return number


def _wait(seconds, workers):
    ended = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > ended, seconds + 10, "time is over", workers)


class Scripts:
    """The scripts that Redis runs while the block is open: how often each, by its digest, and the seconds meanwhile."""

    def __init__(self, redis_server):
        self.redis = redis_server

    def __enter__(self):
        self.calls, self.started = collections.Counter(), time.monotonic()
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(10)
        self.monitor.connect(self.redis.socket)
        self.monitor.sendall(b"MONITOR\r\n")
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.started
        with self.monitor:
            self.redis.client.echo("no more scripts")
            for line in self.monitor.makefile("rb"):
                if b'"no more scripts"' in line:
                    break
                if call := re.search(rb'\] "(?:EVALSHA|EVAL|FCALL)" "([^"]*)"', line, re.IGNORECASE):
                    self.calls[call[1]] += 1


def _wait_until_quiet(stack):
    """Waits until no script has run for 20 ms."""
    looks = [-1]

    def is_quiet():
        statistics = stack.redis.client.info("commandstats")
        looks.append(sum(statistics.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval", "fcall")))
        return looks[-1] == looks[-2]

    wait_until(is_quiet, 10, "Redis is quiet", [stack.redis], pause=0.02)
