"""The two builds that the `base` rows compare: this one, and the one of the commit in `make bench BASE=COMMIT`.

Each has a stack of its own: a Redis, and wf's API and workers of its binary. They are measured in turn, never at the same
time; what a stack does while the other is measured is no more than an idle one does.
"""
import contextlib
import os
import re

import fastcgi_load
from client import Client
from processes import Process, wait_until
from rounds import medians, ratio
from services import ROOT, WF, Nginx, Redis, WfAPI, WfWorker
from table import Row

NAMES = ("base", "this")  # in the order in which they are measured


def base_binary(commit: str) -> str:
    """Where the Makefile puts the base's release binary."""
    return os.path.join(ROOT, f".build/bench-base-{commit}/.build/release/wf")


class Stack:
    """Redis and an API of one build, running until the stack is closed; workers as they are asked for."""

    def __init__(self, bench, name: str, binary: str, resources: contextlib.ExitStack, **settings: str):
        self.bench, self.name, self.binary, self.settings = bench, name, binary, settings
        self.redis = resources.enter_context(Redis(bench.folder, f"redis-{name}"))
        self.api = resources.enter_context(
            WfAPI(bench.folder, self.redis, f"wf-api-{name}", binary=binary, **settings))

    def worker(self, number: int = 1) -> WfWorker:
        return WfWorker(
            self.bench.folder, self.redis, f"wf-worker-{self.name}-{number}", binary=self.binary, **self.settings)

    @contextlib.contextmanager
    def client(self):
        """A client of this stack, through an nginx with kept connections."""
        sites = {"wf": ("fastcgi", self.api.socket, True)}
        with Nginx(self.bench.folder, sites, f"nginx-{self.name}") as nginx, \
                Client(nginx.ports["wf"], self.redis) as client:
            yield client

    def submit(self, count: int) -> list[str]:
        """Submits examples over 64 kept connections; returns their jobs in the order in which they were accepted."""
        requests = fastcgi_load.submits(self.bench.example, count)
        answers = fastcgi_load.load(self.api.socket, requests, b"202")
        return [re.search(rb'"job_id": ?"([0-9a-f-]{36})"', answer)[1].decode() for answer in answers]

    def wait_until_finished(self, job: str, workers: list[Process], limit: float = 120):
        """Waits until a run is `finished`; raises when it has failed."""

        def is_finished():
            status = self.redis.client.hget(f"wf:job:{job}", "status")
            if status == b"failed":
                raise RuntimeError(f"{self.name}: run {job} has failed: {self.redis.client.hget(f'wf:job:{job}', 'error')}")
            return status == b"finished"

        wait_until(is_finished, limit, f"{self.name}: run {job} finishes", [*workers, self.redis], pause=0.003)

    def finished_at(self, job: str) -> float:
        """When a run ended, in seconds by Redis's clock."""
        return float(self.redis.client.hget(f"wf:job:{job}", "finished_ts"))


def binaries(bench) -> dict[str, str]:
    """The binary of each build, in the order in which they are measured."""
    return dict(zip(NAMES, (base_binary(bench.base), WF)))


def compare(figure: str, numbers: dict[str, list[float]], must: tuple, aim: float, unit: str, scale: float = 1) -> Row:
    """A row: this build against the base, the median of the ratios within the rounds."""
    middle = medians(numbers)
    note = " against ".join(f"{middle[name] * scale:,.4g}" for name in reversed(NAMES)) + f" {unit}"
    return Row("against the base", figure, ratio(numbers, "this", "base"), must, note=note, aim=aim, details={"rounds": numbers})


def in_both(bench, measure, **settings: str) -> dict:
    """What `measure(stack)` returns for each build, one after the other: the stack of one is gone when the other's starts."""
    found = {}
    for name, binary in binaries(bench).items():
        with contextlib.ExitStack() as resources:
            found[name] = measure(Stack(bench, name, binary, resources, **settings))
    return found
