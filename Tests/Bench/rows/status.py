"""Status: requests per second of GET /status/{id} of one finished example run, 64 connections through one nginx.

wf's API against FastAPI; without and with kept FastCGI connections. Each asks for a run that its own worker has
finished. A request that is not answered 200 counts as failed and is reported.
"""
import http.client
import json

import fastcgi_probe
from processes import wait_until
from rounds import alternate, ratio
from services import ArqWorker, Nginx, Redis, Uvicorn, WfAPI, WfWorker
from table import Row
from wrk import wrk


def measure(bench):
    with Redis(bench.folder, "redis-wf") as wf_redis, Redis(bench.folder, "redis-peer") as peer_redis, \
            WfAPI(bench.folder, wf_redis) as api, Uvicorn(bench.folder, peer_redis) as peer:
        keeps = fastcgi_probe.keeps_connections(api.socket)
        sites = {"wf": ("fastcgi", api.socket, False), "fastapi": ("http", peer.socket, True)}
        if keeps:
            sites["wf_kept"] = ("fastcgi", api.socket, True)
        with Nginx(bench.folder, sites) as nginx:
            with WfWorker(bench.folder, wf_redis), ArqWorker(bench.folder, peer_redis):
                jobs = {"wf": _finished_run(bench, nginx.ports["wf"], wf_redis),
                        "fastapi": _finished_run(bench, nginx.ports["fastapi"], peer_redis)}
            jobs["wf_kept"] = jobs["wf"]
            return _rows(bench, nginx, jobs, keeps)


def _finished_run(bench, port, redis_server):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("POST", "/workflow/run", bench.example, {"Content-Type": "application/json"})
    job = json.loads(client.getresponse().read())["job_id"]
    wait_until(lambda: redis_server.client.hget(f"wf:job:{job}", "status") == b"finished", 10, f"run {job} finishes")
    return job


def _rows(bench, nginx, jobs, keeps):
    failed = dict.fromkeys(nginx.ports, 0)

    def arm(site):
        def measure_once():
            load = wrk("status.lua", f"{nginx.url(site)}/status/{jobs[site]}", bench.example_file, bench.seconds)
            failed[site] += load.failed
            return load.per_second
        return measure_once

    figures = alternate({site: arm(site) for site in nginx.ports}, bench.rounds + bench.more_rounds, "requests/s")
    bad = sum(failed.values())
    rows = [Row("status of a finished run", "requests/s against FastAPI, no kept connections",
                ratio(figures, "wf", "fastapi"), (">=", 8), note=f"{bad} requests failed: {failed}" if bad else "",
                details={"requests_per_second": figures, "failed_requests": failed})]
    kept = "requests/s against FastAPI, kept connections"
    if keeps:
        return rows + [Row("status of a finished run", kept, ratio(figures, "wf_kept", "fastapi"), (">=", 10))]
    return rows + [Row("status of a finished run", kept, None, (">=", 10), note="the API closes every connection")]
