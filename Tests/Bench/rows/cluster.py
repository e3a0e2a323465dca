"""A Redis Cluster of three nodes against one Redis, with the same CPU: a quarter of a core for all Redis servers of a side
(redis_nodes.py), so that they are what limits.

The sides are one server with one partition, one server with as many partitions as the cluster has, and the cluster. A
round of a side: emptied servers; example runs, submitted over 64 kept connections straight to the API's socket
(fastcgi_load.py) while no worker runs; two workers drain them. The rate of the drain is taken from the times at which the
runs between a fifth and nineteen twentieths ended, by Redis's clock. CPU is user and system time by the processes' own
clocks; bytes are what `used_memory` and the append-only files have gained once all runs are finished. Last, one more round
of each side without a limit, with a slow log of what takes 10 µs and more, says how long each script takes by the clock on
the wall, waits for the processor included; it counts for nothing else.
"""
import contextlib
import re
import time

import fastcgi_load
import rounds
from processes import wait_until
from redis_nodes import RedisNodes
from rows.base_load import Cost
from services import WfAPI, WfWorker
from table import Row

NODES, PARTITIONS, WORKERS = 3, 12, 2
ONE, MANY, CLUSTER = "one node, 1 partition", f"one node, {PARTITIONS} partitions", f"{NODES} nodes, {PARTITIONS} partitions"
SHAPES = {ONE: (1, 1), MANY: (1, PARTITIONS), CLUSTER: (NODES, PARTITIONS)}
SHARE = 0.25  # of a core, for all Redis servers of a side
SHORTEST = 10  # µs; what a script calls is shorter, and would be counted twice
IDLE = f"Redis ms/s with {WORKERS} idle workers"
# Scripts by the last parts of their keys. Those of submissions and records have one, the leases.
SCRIPTS = {("leases", "claim", "elected"): "claim", ("leases", "workers"): "heartbeat"}


class Side:
    """Redis and an API; workers as they are asked for."""

    def __init__(self, bench, name: str, number: int, resources: contextlib.ExitStack):
        self.bench, self.name = bench, name
        self.redis = RedisNodes(bench, f"redis-{number}", *SHAPES[name], SHARE, resources)
        self.api = resources.enter_context(WfAPI(bench.folder, self.redis, f"wf-api-{number}", **self.redis.settings))

    def round(self, count: int) -> dict[str, float]:
        """Submits runs, and has the workers drain them; what both cost."""
        self.redis.flush()
        memory, files = self.redis.used_memory(), self.redis.file_bytes()
        jobs, submitted = self.submit(count)
        return {
            **submitted, **self.drain(jobs), "bytes in memory/run": (self.redis.used_memory() - memory) / count,
            "bytes on disk/run": (self.redis.file_bytes() - files) / count}

    def submit(self, count: int) -> tuple[list[str], dict[str, float]]:
        """Submits runs; their ids, and what that cost."""
        started = time.monotonic()
        with Cost(count, API=self.api, Redis=self.redis) as cost:
            answers = fastcgi_load.load(self.api.socket, fastcgi_load.submits(self.bench.example, count), b"202")
        rate = count / (time.monotonic() - started)
        jobs = [re.search(rb'"job_id": ?"([0-9a-f-]{36})"', answer)[1].decode() for answer in answers]
        return jobs, {"submissions/s": rate} | {f"{name} µs/submission": spent for name, spent in cost.microseconds.items()}

    def drain(self, jobs: list[str]) -> dict[str, float]:
        """Has the workers execute the runs; what that cost."""
        with contextlib.ExitStack() as stack:
            workers = [stack.enter_context(WfWorker(self.bench.folder, self.redis, f"wf-worker-{number}", **self.redis.settings))
                       for number in range(WORKERS)]
            return self._drain(jobs, workers)

    def _drain(self, jobs, workers):
        count, queues, left = len(jobs), self.redis.queues(), 0
        first, last = count // 5, count - count // 20

        def reach(level):
            nonlocal left

            def is_reached():
                nonlocal left
                left = self.redis.queued(queues)
                return left <= level

            wait_until(is_reached, 120, f"{self.name}: the queue shrinks to {level}", [*workers, *self.redis.nodes], 0.03)
            return left

        at_start, cost = reach(count - first), Cost(1, Redis=self.redis, **{worker.name: worker for worker in workers})
        with cost:
            at_end = reach(count - last)
        reach(0)
        wait_until(lambda: self._is_finished(jobs), 120, f"{self.name}: the runs finish", workers, pause=0.1)
        ended = sorted(float(finished) for finished, in self.redis.jobs(jobs, "finished_ts"))
        spent = {name: microseconds / (at_start - at_end) for name, microseconds in cost.microseconds.items()}
        return {"runs/s": (last - first) / (ended[last] - ended[first]), "Redis µs/run": spent.pop("Redis"),
                "workers µs/run": sum(spent.values())}

    def _is_finished(self, jobs):
        return all(status == b"finished" for status, in self.redis.jobs(jobs, "status"))

    def scripts(self, count: int) -> dict[str, dict[str, float]]:
        """Of each script how often it is called for a run, and how many microseconds it takes of a run."""
        self.redis.flush()
        self.redis.limit.set(None)
        with self._slow_log("submission", count) as submission:
            jobs, _ = self.submit(count)
        with self._slow_log("drain", count) as drain:
            self.drain(jobs)
        return submission | drain

    def idle(self, seconds: float) -> float:
        """Milliseconds of CPU that Redis uses in a second while the workers have nothing to do."""
        self.redis.limit.set(None)
        with contextlib.ExitStack() as stack:
            for number in range(WORKERS):
                stack.enter_context(WfWorker(self.bench.folder, self.redis, f"wf-worker-{number}", **self.redis.settings))
            time.sleep(2)
            with Cost(1, Redis=self.redis) as cost:
                time.sleep(seconds)
        return cost.microseconds["Redis"] / seconds / 1000

    @contextlib.contextmanager
    def _slow_log(self, phase, count):
        for node in self.redis.nodes:
            node.client.config_set("slowlog-max-len", 1_000_000)
            node.client.config_set("slowlog-log-slower-than", SHORTEST)
            node.client.slowlog_reset()
        found = {}
        yield found
        for node in self.redis.nodes:
            node.client.config_set("slowlog-log-slower-than", -1)
            for entry in node.client.slowlog_get(1_000_000):
                costs = found.setdefault(f"{phase}: {_script(entry['command'].split(b' '))}", {"calls/run": 0, "µs/run": 0})
                costs["calls/run"] += 1 / count
                costs["µs/run"] += entry["duration"] / count


def _script(words: list[bytes]) -> str:
    """The name of the script that a command calls, or of the command."""
    if words[0] != b"EVALSHA":
        return words[0].decode()
    keys = tuple(key.decode().split(":")[-1 if b"claim:" not in key else -2] for key in words[3:3 + int(words[2])])
    return SCRIPTS.get(keys, "EVALSHA " + " ".join(keys))


def sizes(bench) -> tuple[int, int]:
    """Runs of a round, and rounds."""
    return (1_500, 2) if bench.quick else (5_000, 9)


def measure(bench):
    count, turns = sizes(bench)
    with contextlib.ExitStack() as resources:
        sides = {name: Side(bench, name, number, resources) for number, name in enumerate(SHAPES)}
        for side in sides.values():
            side.round(500)
        figures = rounds.alternate_several({name: lambda side=side: side.round(count) for name, side in sides.items()}, turns)
        scripts = {name: side.scripts(count // 4) for name, side in sides.items()}
        idle = {name: [side.idle(bench.steady_seconds)] for name, side in sides.items()}
    for name, found in scripts.items():
        for script, costs in sorted(found.items(), key=lambda item: -item[1]["µs/run"])[:10]:
            print(f"  {name}: {script}: " + ", ".join(f"{value:.3g} {what}" for what, value in costs.items()), flush=True)
    return _rows(figures | {IDLE: idle}, scripts)


def _rows(figures, scripts):
    what = f"cluster of {NODES} nodes, the same CPU"
    rows = [
        _row(what, f"runs/s of a drain by {WORKERS} workers against {other}", figures["runs/s"], other, (">=", 0.9))
        for other in (ONE, MANY)]
    rows += [
        _row(what, f"submissions/s, 64 connections, against {other}", figures["submissions/s"], other, (">=", 0.9))
        for other in (ONE, MANY)]
    rows += [_row(what, f"{figure} against {ONE}", figures[figure], ONE) for figure in (
        "Redis µs/run", "workers µs/run", "Redis µs/submission", "API µs/submission", "bytes in memory/run", "bytes on disk/run", IDLE)]
    rows[0].details["scripts"] = scripts
    return rows


def _row(what, figure, numbers, other, must=None):
    middle = rounds.medians(numbers)
    note = f"{middle[CLUSTER]:,.4g} against {middle[other]:,.4g}"
    if must is None:
        note += f"; {MANY}: {middle[MANY]:,.4g}"
    return Row(what, figure, rounds.ratio(numbers, CLUSTER, other), must, note=note, details={"rounds": numbers})
