"""Recovery beside the peers: seconds from kill -9 of the only worker until its job runs again in another.

Everything has its defaults: wf's lease is 15 s, the peers are as peers/killed/ has them. The job takes 3 s; its worker is
killed with all its children one second after it began, and another is started at once. All are measured at one time, each
with a Redis of its own: they wait. Who has not begun again within 60 s (`--recovery-limit`) is written down as slower than that.
"""
import concurrent.futures
import contextlib
import time

import workflows
from client import Client
from processes import Process, wait_until
from rows.drain import PEERS
from services import HERE, ModelServer, Nginx, Redis, WfAPI, WfWorker, python
from table import Row

INTO = 1.0  # seconds of the job before its worker is killed
LEASE = 15  # wf's default
ALLOWED = LEASE + 2


def measure(bench):
    with concurrent.futures.ThreadPoolExecutor(len(PEERS) + 1) as pool:
        waits = {"wf": pool.submit(_wf, bench)}
        waits |= {name: pool.submit(_peer, bench, name) for name in PEERS}
        seconds = {name: wait.result() for name, wait in waits.items()}
    peers = " · ".join(
        f"{name} {_text(found, bench)}"
        for name, found in sorted(seconds.items(), key=lambda item: item[1] or float("inf")) if name != "wf")
    return [Row("recovery", "seconds from kill -9 of the only worker until its job runs again, defaults", seconds["wf"],
                ("<=", ALLOWED), unit="s", note=peers, details={"seconds": seconds, "limit": bench.recovery_limit})]


def _text(seconds, bench):
    return f"> {bench.recovery_limit:g}" if seconds is None else f"{seconds:.0f}"


def _peer(bench, name):
    directory, command = f"{HERE}/peers/killed", [python(PEERS[name][0]), f"{name}_job.py"]
    with Redis(bench.folder, f"redis-killed-{name}") as redis_server:
        settings = {"REDIS_URL": redis_server.url}

        def work(which):
            return Process(f"{name}-{which}", [*command, "work"], bench.folder, settings, directory)

        def begun():
            return [float(moment) for moment in redis_server.client.lrange("bench:begun", 0, -1)]

        def enqueue():
            with Process(f"{name}-enqueue", [*command, "enqueue"], bench.folder, settings, directory) as filler:
                if filler.process.wait(60):
                    raise RuntimeError(f"{name} cannot fill its queue: {filler.tail()}")

        return _seconds_to_run_again(bench, work, enqueue, begun)


def _wf(bench):
    with contextlib.ExitStack() as resources:
        redis_server = resources.enter_context(Redis(bench.folder, "redis-killed-wf"))
        model = resources.enter_context(ModelServer(bench.folder, 3.0, name="model-server-killed"))
        api = resources.enter_context(WfAPI(bench.folder, redis_server, "wf-api-killed"))
        nginx = resources.enter_context(Nginx(bench.folder, {"wf": ("fastcgi", api.socket, True)}, "nginx-killed"))
        client = resources.enter_context(Client(nginx.ports["wf"], redis_server))
        jobs = []

        def begun():
            """When the run was begun, and begun again."""
            log = [entry for job in jobs for entry in redis_server.client.lrange(f"wf:progress:{job}", 0, -1)]
            return [float(entry.partition(b'"ts":')[2].partition(b",")[0]) for entry in log
                    if b'"msg":"step_start"' in entry or b'"msg":"resumed"' in entry]

        return _seconds_to_run_again(
            bench, lambda which: WfWorker(bench.folder, redis_server, f"wf-worker-{which}", **model.settings),
            lambda: jobs.append(client.submit(workflows.chain(1, "llm_summarize"))), begun)


def _seconds_to_run_again(bench, work, enqueue, begun):
    """Seconds, or None when the job has not begun again within the limit.

    `work(name)` starts a worker, `enqueue()` the job, and `begun()` returns the times at which the job has begun.
    """
    with work("killed") as killed:
        enqueue()
        wait_until(begun, 60, f"the job of {killed.name} begins", [killed])
        first = begun()[0]
        wait_until(lambda: time.time() > first + INTO, 10, "the job is under way", [killed])
        runs = len(begun())
        killed.kill()
        moment = time.time()
    with work("heir") as heir:
        try:
            wait_until(lambda: len(begun()) > runs, bench.recovery_limit, f"the job of {heir.name} begins", [heir], pause=0.05)
        except TimeoutError:
            return None
        finally:
            heir.kill()
        return begun()[runs] - moment
