"""Submit: requests per second of POST /workflow/run with the example, 64 connections through one nginx.

wf's API against the C floor (floor/submit_floor.c) and against FastAPI, each with no worker running, each against the
same Redis emptied before every round; without and with kept FastCGI connections. The CPU time of both APIs per submit is
taken on the way. A request that is not answered 202 counts as failed and is reported.
"""
import os

import captured_commands
import fastcgi_probe
import floors
from processes import Process, wait_until
from rounds import alternate, medians, ratio
from services import Nginx, Redis, Uvicorn, WfAPI, listens
from table import Row
from wrk import wrk


class SubmitFloor(Process):
    """The floor in C, which sends the submit that wf sends."""

    def __init__(self, folder, redis_server, template):
        self.socket = os.path.join(folder, "submit-floor.sock")
        command = [floors.program("submit_floor"), self.socket, redis_server.socket, template]
        super().__init__("submit-floor", command, folder)
        wait_until(lambda: listens(self.socket), 10, "the floor listens", [self])


def measure(bench):
    with Redis(bench.folder) as redis_server, WfAPI(bench.folder, redis_server) as api:
        keeps = fastcgi_probe.keeps_connections(api.socket)
        template = _template(bench, redis_server, api)
        with SubmitFloor(bench.folder, redis_server, template) as floor, \
                Uvicorn(bench.folder, redis_server) as peer, \
                Uvicorn(bench.folder, redis_server, "uvicorn-2", workers=2) as two_peers, \
                Nginx(bench.folder, _sites(api, floor, peer, two_peers, keeps)) as nginx:
            return _rows(bench, redis_server, nginx, api, peer, keeps)


def _template(bench, redis_server, api):
    with Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
        commands = captured_commands.capture(redis_server, nginx.ports["wf"], bench.example)
    return floors.write_template(bench.folder, "submit", commands["submit"])


def _sites(api, floor, peer, two_peers, keeps):
    sites = {
        "wf": ("fastcgi", api.socket, False), "floor": ("fastcgi", floor.socket, False),
        "fastapi": ("http", peer.socket, True), "fastapi_2_processes": ("http", two_peers.socket, True)}
    if keeps:
        sites["wf_kept"] = ("fastcgi", api.socket, True)
        sites["floor_kept"] = ("fastcgi", floor.socket, True)
    return sites


def _rows(bench, redis_server, nginx, api, peer, keeps):
    failed = dict.fromkeys(nginx.ports, 0)
    kept = "wf_kept" if keeps else "wf"
    servers = {"wf": api, "wf_kept": api, "fastapi": peer}
    cpu = {site: [] for site in servers}

    def arm(site):
        def measure_once():
            redis_server.flush()
            before = servers[site].cpu_seconds() if site in servers else 0
            load = wrk("submit.lua", f"{nginx.url(site)}/workflow/run", bench.example_file, bench.seconds)
            if site in servers:
                cpu[site].append((servers[site].cpu_seconds() - before) / load.requests * 1e6)
            failed[site] += load.failed
            return load.per_second
        return measure_once

    figures = alternate({site: arm(site) for site in nginx.ports}, bench.rounds + bench.more_rounds, "requests/s")
    return [
        *_rates(figures, failed, keeps), _against_fastapi(cpu, kept), bench.cpu_row("of the API per submit", cpu["wf"])]


def _against_fastapi(cpu, kept):
    middle = medians(cpu)
    return Row("CPU", "of the API per submit against FastAPI's", ratio(cpu, kept, "fastapi"), ("<=", 0.05),
               note=f"{middle[kept]:.0f} µs against {middle['fastapi']:.0f}", details={"microseconds": cpu})


def _rates(figures, failed, keeps):
    """Requests per second. Against FastAPI they have no limit: wrk, nginx and Redis take most of the two cores."""
    bad = sum(failed.values())
    note = f"{bad} requests failed: {failed}" if bad else ""
    details = {"requests_per_second": figures, "failed_requests": failed}
    rows = []
    for site, how in {"": "no kept connections", "_kept": "kept connections"}.items():
        against_floor, against_peer = f"requests/s against the C floor, {how}", f"requests/s against FastAPI + ARQ, {how}"
        if site and not keeps:
            why = "the API closes every connection"
            rows += [Row("submit", against_floor, None, (">=", 0.9), note=why), Row("submit", against_peer, None, note=why)]
            continue
        two = {"against 2 uvicorn processes": ratio(figures, f"wf{site}", "fastapi_2_processes")}
        rows += [
            Row("submit", against_floor, ratio(figures, f"wf{site}", f"floor{site}"), (">=", 0.9), note=note, details=details),
            Row("submit", against_peer, ratio(figures, f"wf{site}", "fastapi"), details=two)]
        note, details = "", {}
    return rows
