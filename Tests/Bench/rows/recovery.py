"""Recovery: seconds from kill -9 of a worker until its runs are back in their queue, and until they are resumed.

With WF_LEASE_S=2 (the default of 15 would only make the wait longer). The worker holds five chains of model calls of
0.2 s when it is killed; a second worker is there, idle. A run is back when the dead worker's token is gone from it
(looked at every 2 ms), and resumed at its `resumed` entry.
"""
import time

import backlogs
import captured_commands
import rounds
import workflows
from processes import wait_until
from services import ModelServer, Nginx, Redis, WfAPI, WfWorker
from table import Row

LEASE, RUNS, STEPS, CALL = 2, 5, 36, 0.2
ALLOWED = LEASE + 2


def measure(bench):
    back, resumed = [], []
    with Redis(bench.folder) as redis_server, ModelServer(bench.folder, CALL) as model:
        with WfAPI(bench.folder, redis_server) as api, \
                Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
            body = workflows.chain(STEPS, "llm_summarize")
            submit = captured_commands.capture(redis_server, nginx.ports["wf"], body)["submit"]
        for number in range(1, bench.rounds + 1):
            found = _kill_once(
                bench, redis_server, submit, number * 0.13, {"WF_LEASE_S": str(LEASE), **model.settings})
            back += found[0]
            resumed += found[1]
            print(f"  round {number}: back {max(found[0]):.2f} s at most, resumed {max(found[1]):.2f}", flush=True)
    note = f"p50 {rounds.median(back):.2f} s; WF_LEASE_S=2"
    again = f"p50 {rounds.median(resumed):.2f} s; five runs"
    return [
        Row("recovery", "seconds from kill -9 until its runs are back in the queue, max", max(back), ("<=", ALLOWED),
            unit="s", note=note, details={"seconds": back}),
        Row("recovery", "seconds from kill -9 until its runs are resumed, max", max(resumed), unit="s", note=again,
            details={"seconds": resumed})]


def _kill_once(bench, redis_server, submit, phase, settings):
    """Kills a worker `phase` seconds later than else, so that the rounds meet different moments between heartbeats."""
    redis_server.flush()
    with WfWorker(bench.folder, redis_server, "doomed", **settings) as doomed:
        jobs = backlogs.load(redis_server, submit, RUNS)
        wait_until(lambda: backlogs.statuses(redis_server, jobs).get(b"started") == RUNS, 10, "the runs start", [doomed])
        with WfWorker(bench.folder, redis_server, "heir", **settings) as heir:
            begun = time.monotonic()
            wait_until(lambda: time.monotonic() > begun + LEASE + 2 + phase, 60, "the heir may take leases",
                       [doomed, heir])
            tokens = _tokens(redis_server, jobs)
            doomed.kill()
            killed = time.time()
            back = _wait_until_back(redis_server, tokens, killed, heir)
            wait_until(lambda: len(_resumed(redis_server, jobs)) == RUNS, 120, "the runs are resumed", [heir])
            resumed = [moment - killed for moment in _resumed(redis_server, jobs)]
            heir.kill()
    return back, resumed


def _tokens(redis_server, jobs):
    return {job: redis_server.client.hget("wf:holds", job) for job in jobs}


def _wait_until_back(redis_server, tokens, killed, heir):
    seconds, missing = [], dict(tokens)

    def all_back():
        now = _tokens(redis_server, missing)
        for job in [job for job, token in now.items() if token != missing[job]]:
            del missing[job]
            seconds.append(time.time() - killed)
        return not missing

    wait_until(all_back, 30, "the runs are back in the queue", [heir], pause=0.002)
    return seconds


def _resumed(redis_server, jobs):
    """The times of the `resumed` entries, one of each run that has one."""
    times = []
    for job in jobs:
        for entry in redis_server.client.lrange(f"wf:progress:{job}", 0, -1):
            if b'"msg":"resumed"' in entry:
                times.append(float(entry.partition(b'"ts":')[2].partition(b",")[0]))
                break
    return times
