"""What TLS to Redis costs: CPU time per run, and memory, of one `wf worker` that reaches Redis at 127.0.0.1.

    .build/bench-venv/arq/bin/python Tests/Bench/tls.py [RUNS] [ROUNDS]

Without TLS and with it in turn; the figures are medians of the rounds. Runs come by the inbox, and are the example of the
README with the placeholder model.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid

from processes import settled_pss, wait_until, wait_until_idle
from services import ROOT, Redis, WfWorker, free_port

EXAMPLE = os.path.join(ROOT, "Sources/WorkflowCommand/Resources/example.json")


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    files = [os.path.join(folder, name) for name in ("redis.pem", "redis.key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True)
    return files


def drain(folder, server, runs, settings):
    """Has a worker execute runs; returns its and Redis's CPU time per run in microseconds, and its memory in bytes."""
    server.flush()
    with open(EXAMPLE) as file:
        body = json.load(file)
    with WfWorker(folder, server, **settings) as worker:
        wait_until(lambda: server.client.zcard("wf:workers") == 1, 30, "the worker is there", [worker])
        wait_until_idle(worker)
        before = worker.cpu_seconds(), server.cpu_seconds()
        with server.client.pipeline(transaction=False) as pipe:
            for _ in range(runs):
                pipe.rpush("wf:inbox", json.dumps({"job_id": str(uuid.uuid4()), "body": body}))
            pipe.execute()
        wait_until(
            lambda: not server.client.llen("wf:inbox") and not server.client.zcard("wf:live"), 300, "the runs have ended",
            [worker])
        after = worker.cpu_seconds(), server.cpu_seconds()
        return [(end - start) / runs * 1e6 for start, end in zip(before, after)] + [settled_pss(worker)]


def main(runs=20_000, rounds=5):
    with tempfile.TemporaryDirectory() as folder:
        pem, key = certificate(folder)
        plain, encrypted = free_port(), free_port()
        more = ["--tls-port", encrypted, "--tls-cert-file", pem, "--tls-key-file", key, "--tls-ca-cert-file", pem,
                "--tls-auth-clients", "no"]
        ways = {
            "without TLS": {"REDIS_URL": f"redis://127.0.0.1:{plain}"},
            "with TLS": {"REDIS_URL": f"rediss://127.0.0.1:{encrypted}", "REDIS_TLS_CA_FILE": pem},
        }
        found = {way: [] for way in ways}
        with Redis(folder, port=plain, more=more) as server:
            for _ in range(rounds):
                for way, settings in ways.items():
                    found[way].append(drain(folder, server, runs, settings))
    for way, figures in found.items():
        worker, server, memory = map(statistics.median, zip(*figures))
        print(f"{way:12} worker {worker:6.1f} µs/run, Redis {server:6.1f} µs/run, PSS of the worker {memory / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
