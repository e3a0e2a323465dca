"""Model calls: 1,000 runs of one model call of 2 s each, in one worker with WF_WORKER_RUNS=1000.

The runs come at once to an idle worker; wall time is from its first claim to the end of the last run, taken from
the times that the runs carry (all by Redis's clock). Memory is the worker's proportional set size while all calls
are under way, over what it had when idle. Every call goes to the bench's own model server over a connection of its own.
"""
import backlogs
import captured_commands
import rounds
import workflows
from processes import settled_pss, wait_until
from services import ModelServer, Nginx, Redis, WfAPI, WfWorker
from table import Row

CALLS, SECONDS = 1000, 2.0


def measure(bench):
    walls, memory = [], []
    with Redis(bench.folder) as redis_server, ModelServer(bench.folder, SECONDS) as model:
        submit = _captured(bench, redis_server)
        for number in range(1, bench.rounds + 1):
            redis_server.flush()
            with WfWorker(bench.folder, redis_server, WF_WORKER_RUNS=str(CALLS), **model.settings) as worker:
                wait_until(lambda: redis_server.client.zcard("wf:workers"), 30, "the worker works", [worker])
                idle = settled_pss(worker)
                jobs = backlogs.load(redis_server, submit, CALLS)
                # Every call has a connection of its own.
                wait_until(lambda: worker.open_files() >= CALLS, 30, "all calls are under way", [worker])
                memory.append((worker.pss_bytes() - idle) / 1e6)
                backlogs.wait_until_finished(redis_server, jobs, [worker])
                walls.append(_wall(redis_server, jobs))
            print(f"  round {number}: {walls[-1]:.2f} s, {memory[-1]:.1f} MB over idle", flush=True)
    name = "1,000 concurrent model calls of 2 s, one worker"
    return [
        Row(name, "wall time against 2 s", rounds.median(walls) / SECONDS, ("<=", 1.25), details={"seconds": walls}),
        Row(name, "memory over idle", rounds.median(memory), ("<=", 40), unit="MB", details={"megabytes": memory})]


def _captured(bench, redis_server):
    with WfAPI(bench.folder, redis_server) as api, \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
        body = workflows.chain(1, "llm_summarize", "model-call")
        return captured_commands.capture(redis_server, nginx.ports["wf"], body)["submit"]


def _wall(redis_server, jobs):
    times = backlogs.times(redis_server, jobs)
    return max(finished for _, finished in times) - min(started for started, _ in times)
