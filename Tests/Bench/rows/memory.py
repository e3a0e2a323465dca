"""Memory: proportional set size of the idle processes (smaps_rollup), wf's API and worker against uvicorn and ARQ.

Every process has started, has done one run, and its memory has settled. wf's binary is a copy of its own: the pages of
one file are divided by all that have it mapped, and nobody else may share these.
"""
import os
import shutil

import services
from client import Client
from processes import settled_pss
from services import ArqWorker, Nginx, Redis, Uvicorn, WfAPI, WfWorker
from table import Row


def measure(bench):
    wf = shutil.copy(services.WF, os.path.join(bench.folder, "wf"))
    with Redis(bench.folder, "redis-wf") as wf_redis, Redis(bench.folder, "redis-peer") as peer_redis, \
            WfAPI(bench.folder, wf_redis, binary=wf) as api, WfWorker(bench.folder, wf_redis, binary=wf) as worker, \
            Uvicorn(bench.folder, peer_redis) as uvicorn, ArqWorker(bench.folder, peer_redis) as arq, \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False), "arq": ("http", uvicorn.socket, True)}) as nginx:
        for site, redis_server in {"wf": wf_redis, "arq": peer_redis}.items():
            with Client(nginx.ports[site], redis_server) as client:
                client.seconds_to_finish(bench.example)
        megabytes = {process.name: settled_pss(process) / 1e6 for process in (api, worker, uvicorn, arq)}
    ratio = (megabytes["wf-api"] + megabytes["wf-worker"]) / (megabytes["uvicorn"] + megabytes["arq"])
    note = ", ".join(f"{name} {size:.1f} MB" for name, size in megabytes.items())
    return [Row("memory, idle", "PSS of API + worker against uvicorn + ARQ", ratio, ("<=", 0.33), note=note,
                details={"megabytes": megabytes})]
