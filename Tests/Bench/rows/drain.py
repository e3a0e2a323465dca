"""Drain: runs per second that one worker process takes from a backlog of queued example runs (placeholder model).

wf's worker against ARQ, RQ, Celery, SAQ, taskiq, Dramatiq, huey and streaQ, each tuned as its docs advise (peers/), and against a
pipelined C driver that claims and finishes the same runs with canned outputs (floor/drain_floor.c). Every worker does
the three steps and writes progress and result; every backlog is long enough for at least five seconds of steady work:
its length follows from the drain before, and a drain that was shorter is done again. After a round every run must be `finished`.
wf's CPU time per step is taken on the way.
"""
import subprocess
import time

import backlogs
import captured_commands
import floors
from processes import Process
from rounds import alternate, medians, ratio
from services import HERE, Nginx, Redis, WfAPI, WfWorker, python
from table import Row

STEPS = 3
# Per peer its virtual environment, and the command that counts what is still queued.
PEERS = {
    "arq": ("arq", ("ZCARD", "arq:queue")),
    "rq": ("queues", ("LLEN", "rq:queue:bench")),
    "celery": ("queues", ("LLEN", "celery")),
    "saq": ("queues", ("LLEN", "saq:bench:queued")),
    "taskiq": ("queues", ("LLEN", "bench-taskiq")),
    "dramatiq": ("queues", ("LLEN", "dramatiq:default")),
    "huey": ("queues", ("LLEN", "huey.redis.bench")),
    "streaq": ("queues", ("XLEN", "streaq:default:queues:normal")),
}


class Drain:
    """What can be drained, against one Redis that is emptied before every drain."""

    def __init__(self, bench, redis_server, commands):
        self.bench = bench
        self.redis = redis_server
        self.commands = commands
        self.templates = [
            floors.write_template(bench.folder, "claim", commands["claim"]),
            floors.write_template(bench.folder, "record-head", commands["record_head"], whole=False),
            *(floors.write_template(bench.folder, f"record-{number}", record, whole=False)
              for number, record in enumerate(commands["records"]))]
        self.cpu_per_step = []
        self.seconds = {}  # the steady part of the last drain, by name

    def wf(self, count):
        """Drains with one worker; returns runs per second."""
        self.redis.flush()
        jobs = backlogs.load(self.redis, self.commands["submit"], count)
        queue = next(word for word in self.commands["submit"] if word.startswith("wf:queue:"))
        with WfWorker(self.bench.folder, self.redis) as worker:
            rate, seconds = backlogs.steady_rate(lambda: self.redis.client.llen(queue), count, [worker])
            backlogs.wait_until_finished(self.redis, jobs, [worker])
            self.cpu_per_step.append(worker.cpu_seconds() / count / STEPS * 1e6)
        self.seconds["wf"] = seconds
        return rate

    def floor(self, count):
        """Drains with the C driver; it reports nothing but its end, so its rate is over its whole time."""
        self.redis.flush()
        jobs = backlogs.load(self.redis, self.commands["submit"], count)
        started = time.monotonic()
        result = subprocess.run(
            [floors.program("drain_floor"), self.redis.socket, *self.templates],
            capture_output=True, text=True, timeout=180)
        seconds = time.monotonic() - started
        if result.returncode or int(result.stdout) != count:
            raise RuntimeError(f"the C driver finished {result.stdout!r} of {count} runs: {result.stderr}")
        backlogs.wait_until_finished(self.redis, jobs, [])
        self.seconds["floor"] = seconds
        return count / seconds

    def peer(self, name, count):
        """Drains with a peer's worker."""
        environment, remaining = PEERS[name]
        self.redis.flush()
        settings = {"REDIS_URL": self.redis.url}
        command = [python(environment), f"{name}_worker.py"]
        with Process(f"{name}-enqueue", [*command, "enqueue", count, self.bench.example_file], self.bench.folder,
                     settings, f"{HERE}/peers") as filler:
            if filler.process.wait(120):
                raise RuntimeError(f"{name} cannot fill its queue: {filler.tail()}")
        jobs = [str(backlogs.uuid.UUID(int=number)) for number in range(count)]
        with Process(name, [*command, "work"], self.bench.folder, settings, f"{HERE}/peers") as worker:
            rate, seconds = backlogs.steady_rate(lambda: self.redis.client.execute_command(*remaining), count, [worker])
            backlogs.wait_until_finished(self.redis, jobs, [worker])
            worker.kill()
        self.seconds[name] = seconds
        return rate


def measure(bench):
    with Redis(bench.folder) as redis_server:
        drain = Drain(bench, redis_server, captured(bench, redis_server))
        arms = {"wf": drain.wf, "floor": drain.floor}
        for name in PEERS:
            arms[name] = lambda count, name=name: drain.peer(name, count)
        return _rows(bench, drain, arms)


def captured(bench, redis_server, body=None):
    """The commands of one run through API and worker: of the example, or of another body."""
    with WfAPI(bench.folder, redis_server) as api, WfWorker(bench.folder, redis_server), \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
        return captured_commands.capture(redis_server, nginx.ports["wf"], body or bench.example, worker=True)


def _rows(bench, drain, arms):
    rates = {}
    for name, arm in arms.items():
        rates[name] = arm(4000 if name in ("wf", "floor") else 400)
        print(f"  {name}: about {rates[name]:.0f} runs/s", flush=True)
    drain.seconds.clear()
    drain.cpu_per_step.clear()

    def steady(name):
        """Drains a backlog for the wanted time; again with a longer one when it was faster than before."""
        for _ in range(3):
            rate = arms[name](int(rates[name] * bench.steady_seconds / 0.85 * 1.2))
            rates[name] = rate
            if drain.seconds[name] >= bench.steady_seconds:
                break
        shortest[name] = min(drain.seconds[name], shortest.get(name, drain.seconds[name]))
        return rate

    shortest = {}
    figures = alternate({name: lambda name=name: steady(name) for name in arms}, bench.rounds, "runs/s")
    middle = medians(figures)
    details = {"runs_per_second": figures, "shortest_steady_seconds": shortest}
    fastest = max((name for name in PEERS if name != "arq"), key=middle.get)
    name = "drain, one worker process"
    return [
        Row(name, "runs/s against ARQ", ratio(figures, "wf", "arq"), (">=", 25), aim=40, details=details),
        Row(name, "runs/s against the fastest of the other peers", ratio(figures, "wf", fastest), (">=", 20), note=f"here {fastest}"),
        Row(name, "runs/s against a pipelined C driver", ratio(figures, "wf", "floor"), (">=", 0.5)),
        bench.cpu_row("of the worker per step", drain.cpu_per_step),
    ]
