"""A fourth node for a Redis Cluster of three under load: how long `redis-cli --cluster rebalance` takes, and how long submissions wait.

12 partitions hold finished example runs; eight clients submit one run after another over kept connections straight to the
API's socket, and two workers execute them. The node is added and gets its share of the slots; then the load ends. Every
submission must be answered 202, and every run must finish. No CPU is limited. What is moved is known once the cluster is
asked again, so a run's partition is read where the cluster says that it is.
"""
import contextlib
import re
import socket
import subprocess
import threading
import time
import uuid

import redis

import fastcgi_load
from processes import wait_until
from redis_nodes import RedisNodes, cluster_settings, partition_of
from rounds import percentile
from services import Redis, WfAPI, WfWorker, free_port
from table import Row

PARTITIONS, CLIENTS, WORKERS = 12, 8, 2


class Load:
    """Clients that submit example runs until they are stopped."""

    def __init__(self, path: str, body: bytes):
        self.path, self.body, self.is_over = path, body, threading.Event()
        self.sent: list[tuple[float, float, bytes]] = []  # when, seconds until the answer, the answer
        self.threads = [threading.Thread(target=self._submit) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def _submit(self):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.path)
            link.settimeout(60)
            while not self.is_over.wait(0.01):
                started = time.monotonic()
                answer = fastcgi_load.exchange(link, next(iter(fastcgi_load.submits(self.body, 1))))
                self.sent.append((started, time.monotonic() - started, answer))


def measure(bench):
    count = 2_000 if bench.quick else 24_000
    with contextlib.ExitStack() as resources:
        nodes = RedisNodes(bench, "redis", 3, PARTITIONS, None, resources)
        port = free_port()
        fourth = resources.enter_context(Redis(bench.folder, "redis-3", port, cluster_settings(3, free_port())))
        api = resources.enter_context(WfAPI(bench.folder, nodes, **nodes.settings))
        workers = [resources.enter_context(WfWorker(bench.folder, nodes, f"wf-worker-{number}", **nodes.settings))
                   for number in range(WORKERS)]
        before = fastcgi_load.load(api.socket, fastcgi_load.submits(bench.example, count), b"202")
        known = [_job(answer) for answer in before]
        wait_until(lambda: _are_finished(nodes.first_port, known), 120, "the runs finish", workers, 0.5)
        with Load(api.socket, bench.example) as load:
            time.sleep(bench.seconds)
            began = time.monotonic()
            _grow(nodes, fourth, port)
            seconds = time.monotonic() - began
            time.sleep(bench.seconds)
        jobs = [_job(answer) for _, _, answer in load.sent]
        wait_until(lambda: _are_finished(nodes.first_port, jobs), 120, "the runs finish", workers, 0.5)
        keys = [node.client.dbsize() for node in [*nodes.nodes, fourth]]
    return _rows(load, began, seconds, count, keys)


def _grow(nodes, fourth, port):
    """Adds the node, and moves a quarter of the slots to it."""
    known = f"127.0.0.1:{nodes.first_port}"
    _cli("add-node", f"127.0.0.1:{port}", known)
    everyone = [*nodes.nodes, fourth]

    def is_ready(node):
        # A node that has joined refuses keys for two seconds; a slot that is moved there meanwhile stays half moved.
        state = node.client.execute_command("CLUSTER INFO")
        return state["cluster_known_nodes"] == "4" and state["cluster_state"] == "ok"

    wait_until(lambda: all(map(is_ready, everyone)), 30, "all nodes know the fourth, and it takes keys", everyone)
    # It refuses to begin until all nodes name the same owners.
    wait_until(lambda: _cli("check", known, may_fail=True), 30, "the nodes agree", everyone, 0.5)
    _cli("rebalance", known, "--cluster-use-empty-masters")


def _cli(*words, may_fail=False):
    done = subprocess.run(["redis-cli", "--cluster", *words], capture_output=True, text=True)
    if done.returncode and not may_fail:
        raise RuntimeError(f"redis-cli --cluster {words[0]}: {done.stdout[-500:]}{done.stderr}")
    return done.returncode == 0


def _job(answer: bytes) -> str:
    if b"Status: 202" not in answer[:200]:
        raise RuntimeError(f"a submission was answered {answer[:500]!r}")
    return re.search(rb'"job_id": ?"([0-9a-f-]{36})"', answer)[1].decode()


def _are_finished(port, jobs):
    with contextlib.closing(redis.RedisCluster(host="127.0.0.1", port=port)) as cluster:
        for first in range(0, len(jobs), 2000):
            pipeline = cluster.pipeline()
            for job in jobs[first:first + 2000]:
                pipeline.hget(f"wf:{{{partition_of(job, PARTITIONS)}}}:job:{job}", "status")
            if set(pipeline.execute()) != {b"finished"}:
                return False
    return True


def _rows(load, began, seconds, count, keys):
    during = [took for started, took, _ in load.sent if began <= started < began + seconds]
    what = f"a fourth node under load, {PARTITIONS} partitions, {count:,} finished runs"
    share = max(keys) / (sum(keys) / len(keys))
    return [
        Row(what, "longest submission while slots are moved", max(during), ("<=", 5), unit="s",
            note=f"p99 {percentile(during, 0.99) * 1000:.0f} ms of {len(during):,}, all 202; all runs finished",
            details={"seconds": sorted(during)[-100:]}),
        Row(what, "redis-cli --cluster rebalance", seconds, unit="s", details={"keys": keys}),
        Row(what, "keys of the fullest node against the mean, afterwards", share, ("<=", 1.1), details={"keys": keys})]
