"""Growth with the number of worker processes: runs per second of 1, 2 and 4 workers that drain one backlog together.

The limit is named by who uses the cores meanwhile (from /proc): Redis, which runs scripts on
one core, the workers, or what else runs on the machine, this harness and its look at the queue included.
"""
import contextlib
import os
import time

import backlogs
import rounds
from processes import busy_seconds
from rows.drain import captured
from services import Redis, WfWorker
from table import Row

WORKERS = (1, 2, 4)


def measure(bench):
    used = {}
    with Redis(bench.folder) as redis_server:
        submit = captured(bench, redis_server)["submit"]

        def drain(workers, count):
            redis_server.flush()
            jobs = backlogs.load(redis_server, submit, count)
            queue = next(word for word in submit if word.startswith("wf:queue:"))
            with contextlib.ExitStack() as stack:
                started, redis_before, busy_before = time.monotonic(), redis_server.cpu_seconds(), busy_seconds()
                running = [stack.enter_context(WfWorker(bench.folder, redis_server, f"wf-worker-{number}"))
                           for number in range(workers)]
                rate, _ = backlogs.steady_rate(lambda: redis_server.client.llen(queue), count, running)
                backlogs.wait_until_finished(redis_server, jobs, running)
                seconds = time.monotonic() - started
                redis_cores = (redis_server.cpu_seconds() - redis_before) / seconds
                worker_cores = sum(worker.cpu_seconds() for worker in running) / seconds
                other_cores = (busy_seconds() - busy_before) / seconds - redis_cores - worker_cores
                used.setdefault(workers, []).append((redis_cores, worker_cores, other_cores))
            return rate

        count = int(drain(1, 4000) * bench.steady_seconds / 0.85 * 0.6)
        used.clear()
        figures = rounds.alternate(
            {f"{workers} workers": lambda workers=workers: drain(workers, count) for workers in WORKERS},
            bench.rounds, "runs/s")
    cores = {workers: [rounds.median(column) for column in zip(*used[workers])] for workers in WORKERS}
    note = "with {}: Redis uses {:.2f}, the workers {:.2f}, all else {:.2f} of {} cores"
    return [
        Row("growth", f"runs/s of {workers} worker processes against one",
            rounds.ratio(figures, f"{workers} workers", "1 workers"), (">=", 0.9),
            note=note.format(workers, *cores[workers], os.cpu_count()),
            details={"runs_per_second": figures, "cores": cores})
        for workers in WORKERS[1:]]
