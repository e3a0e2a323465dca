"""Submit: requests per second of POST /workflow/run with the example, 64 connections through one nginx.

wf's API against the C floor (floor/submit_floor.c) and against FastAPI, each with no worker running, each against the
same Redis emptied before every round; without and with kept FastCGI connections. wf's CPU time per submit is taken on
the way. A request that is not answered 202 counts as failed and is reported.
"""
import os

import captured_commands
import fastcgi_probe
import floors
from processes import Process, wait_until
from rounds import alternate, ratio
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
            return _rows(bench, redis_server, nginx, api, keeps)


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


def _rows(bench, redis_server, nginx, api, keeps):
    failed = dict.fromkeys(nginx.ports, 0)
    cpu = []

    def arm(site):
        def measure_once():
            redis_server.flush()
            before = api.cpu_seconds()
            load = wrk("submit.lua", f"{nginx.url(site)}/workflow/run", bench.example_file, bench.seconds)
            if site == "wf":
                cpu.append((api.cpu_seconds() - before) / load.requests * 1e6)
            failed[site] += load.failed
            return load.per_second
        return measure_once

    figures = alternate({site: arm(site) for site in nginx.ports}, bench.rounds + bench.more_rounds, "requests/s")
    details = {"requests_per_second": figures, "failed_requests": failed}
    bad = sum(failed.values())
    note = f"{bad} requests failed: {failed}" if bad else ""
    name = "submit"
    rows = [
        Row(name, "requests/s against the C floor, no kept connections", ratio(figures, "wf", "floor"),
            (">=", 0.9), note=note, details=details),
        Row(name, "requests/s against FastAPI + ARQ, no kept connections", ratio(figures, "wf", "fastapi"),
            (">=", 15), details={"against 2 uvicorn processes": ratio(figures, "wf", "fastapi_2_processes")}),
    ]
    against_floor = "requests/s against the C floor, kept connections"
    against_peer = "requests/s against FastAPI + ARQ, kept connections"
    if keeps:
        rows += [
            Row(name, against_floor, ratio(figures, "wf_kept", "floor_kept"), (">=", 0.9)),
            Row(name, against_peer, ratio(figures, "wf_kept", "fastapi"), (">=", 20),
                details={"against 2 uvicorn processes": ratio(figures, "wf_kept", "fastapi_2_processes")})]
    else:
        why = "the API closes every connection"
        rows += [Row(name, against_floor, None, (">=", 0.9), note=why),
                 Row(name, against_peer, None, (">=", 20), note=why)]
    return rows + [bench.cpu_row("of the API per submit", cpu)]
