"""Stream events: 1,000 model calls that stream at one time, in one worker with WF_WORKER_RUNS=1000.

Each call gets 20 tokens a second, one piece of its body each, and the worker publishes the texts. CPU time is the
worker's, user and system, from before the first token until the last text is published, per token; memory is its
proportional set size with all streams open, over what it had when idle. The calls go to the bench's own model server
(stream_server.py), each over another connection.
"""
import backlogs
import captured_commands
import rounds
import services
import workflows
from processes import settled_pss, wait_until, wait_until_idle
from services import Nginx, Redis, StreamServer, WfAPI, WfWorker
from table import Row

CALLS, TOKENS, RATE = 1000, 100, 20


def measure(bench):
    figures = {"microseconds": [], "megabytes": []}
    with Redis(bench.folder) as redis_server, StreamServer(bench.folder) as model:
        submit = captured(bench, redis_server)
        for number in range(1, bench.rounds + 1):
            microseconds, megabytes = stream(bench, redis_server, model, submit)
            figures["microseconds"].append(microseconds)
            figures["megabytes"].append(megabytes)
            print(f"  round {number}: {microseconds:.1f} µs a token, {megabytes:.1f} MB over idle", flush=True)
    name = f"1,000 streamed model calls with {RATE} tokens/s each, one worker"
    return [
        Row(name, "CPU per token", rounds.median(figures["microseconds"]), ("<=", 5), unit="µs",
            details={"microseconds": figures["microseconds"]}),
        Row(name, "memory over idle", rounds.median(figures["megabytes"]), ("<=", 40), unit="MB",
            details={"megabytes": figures["megabytes"]})]


def stream(bench, redis_server, model, submit, binary=services.WF, tokens=TOKENS, rate=RATE):
    """Runs the calls once; returns µs of CPU time per token and MB over idle."""
    redis_server.flush()
    settings = {"WF_WORKER_RUNS": str(CALLS), **model.settings}
    with WfWorker(bench.folder, redis_server, binary=binary, **settings) as worker:
        wait_until(lambda: redis_server.client.zcard("wf:workers"), 30, "the worker works", [worker])
        idle = settled_pss(worker)
        jobs = backlogs.load(redis_server, submit, CALLS)
        wait_until(lambda: model.calls() == CALLS, 60, "all calls are under way", [worker, model], pause=0.1)
        wait_until_idle(worker)
        before = worker.cpu_nanoseconds()
        model.write(tokens, rate)
        wait_until_idle(worker)
        microseconds = (worker.cpu_nanoseconds() - before) / 1e3 / (CALLS * tokens)
        megabytes = (worker.pss_bytes() - idle) / 1e6
        model.finish()
        backlogs.wait_until_finished(redis_server, jobs, [worker])
    return microseconds, megabytes


def captured(bench, redis_server):
    with WfAPI(bench.folder, redis_server) as api, \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
        body = workflows.chain(1, "llm_summarize", "stream")
        return captured_commands.capture(redis_server, nginx.ports["wf"], body)["submit"]
