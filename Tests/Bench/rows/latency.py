"""Latency: seconds from submitting one example run to its end, on a stack where nothing else runs; the median.

A run is submitted when wf's worker, or the peer's API (its worker never rests), has not run for 10 ms.
Through nginx, over connections that are kept, the client's and those to the APIs, as wf's site for nginx has it; the end
is when the run's status in Redis is `finished`. wf's API and one worker against FastAPI and ARQ with its poll at 10 ms (its default is 500 ms).
"""
import rounds
from client import Client
from processes import wait_until_idle
from services import ArqWorker, Nginx, Redis, Uvicorn, WfAPI, WfWorker
from table import Row

RUNS = 40  # a round


def measure(bench):
    with Redis(bench.folder, "redis-wf") as wf_redis, Redis(bench.folder, "redis-peer") as peer_redis, \
            WfAPI(bench.folder, wf_redis) as api, Uvicorn(bench.folder, peer_redis) as peer, \
            WfWorker(bench.folder, wf_redis) as worker, ArqWorker(bench.folder, peer_redis), \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, True), "arq": ("http", peer.socket, True)}) as nginx, \
            Client(nginx.ports["wf"], wf_redis) as wf, Client(nginx.ports["arq"], peer_redis) as arq:
        seconds = {"wf": [], "arq": []}

        def arm(name, client, server):
            def measure_once():
                found = []
                for _ in range(RUNS):
                    wait_until_idle(server)
                    found.append(client.seconds_to_finish(bench.example))
                seconds[name] += found
                return rounds.median(found) * 1000
            return measure_once

        for client in (wf, arq):
            client.seconds_to_finish(bench.example)
        figures = rounds.alternate({"wf": arm("wf", wf, worker), "arq": arm("arq", arq, peer)}, bench.rounds, "ms, p50")
    middle = rounds.medians(figures)
    p99 = {name: rounds.percentile(values, 0.99) * 1000 for name, values in seconds.items()}
    return [Row("submit → finished, idle stack", "p50 against ARQ's, poll 10 ms", rounds.ratio(figures, "wf", "arq"),
                ("<=", 0.1), note=f"{middle['wf']:.2f} ms against {middle['arq']:.1f} ms",
                details={"p50_ms": figures, "p99_ms": p99})]
