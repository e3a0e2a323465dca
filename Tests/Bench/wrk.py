"""Runs wrk, one thread and 64 connections, with one of the scripts in load/."""
import json
import os
import subprocess

from services import HERE


class Load:
    """What one run of wrk saw."""

    def __init__(self, figures):
        self.per_second = figures["per_second"]
        self.requests = figures["requests"]
        self.failed = figures["unexpected"] + figures["socket_errors"]
        self.p99_ms = figures["p99_ms"]


def wrk(script, url, body_file, seconds=3, connections=64):
    """Loads a URL; failed requests are counted in what it returns."""
    environment = {
        **os.environ, "BENCH_BODY": body_file, "BENCH_REPORT": os.path.join(HERE, "load/report.lua")}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
               "-s", os.path.join(HERE, "load", script), url]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
    for line in result.stdout.splitlines():
        if line.startswith("FIGURES "):
            return Load(json.loads(line[len("FIGURES "):]))
    raise RuntimeError(f"wrk failed ({result.returncode}): {result.stdout}{result.stderr}")
