"""Growth with the size of a workflow: time per step of a 1,000-step chain and of a 1,000-wide fan, against 10 steps.

A backlog of each is drained by one worker, and its seconds are divided by the steps: 400 chains of 10 steps against 4
of 1,000, and the same for fans. The steps do next to nothing (preprocess of a short text). The items of a step with
foreach are compared with the steps of a fan of the same operation (the placeholder's summary of a short text).
"""
import backlogs
import captured_commands
import rounds
import workflows
from services import Nginx, Redis, WfAPI, WfWorker
from table import Row

STEPS = 20000  # in every backlog


def measure(bench):
    shapes = {"chain of 10": (workflows.chain(10), 10), "chain of 1,000": (workflows.chain(1000), 1000),
              "fan of 10": (workflows.fan(10), 10), "fan of 1,000": (workflows.fan(1000), 1000),
              "fan of 1,000 summaries": (workflows.fan(1000, "item 100", "llm_summarize"), 1000),
              "foreach of 1,000": (workflows.foreach(1000), 1000)}
    with Redis(bench.folder) as redis_server:
        with WfAPI(bench.folder, redis_server) as api, \
                Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}, "nginx-capture") as nginx:
            submits = {name: captured_commands.capture(redis_server, nginx.ports["wf"], body)["submit"]
                       for name, (body, _) in shapes.items()}

        def arm(name):
            def measure_once():
                redis_server.flush()
                jobs = backlogs.load(redis_server, submits[name], STEPS // shapes[name][1])
                with WfWorker(bench.folder, redis_server) as worker:
                    backlogs.wait_until_finished(redis_server, jobs, [worker], pause=0.01)
                    return _seconds(redis_server, jobs) / STEPS * 1e6
            return measure_once

        figures = rounds.alternate({name: arm(name) for name in shapes}, bench.rounds, "µs per step")
    middle = rounds.medians(figures)
    return [
        Row("growth", f"time per step of a 1,000-step {long} against 10 steps",
            rounds.ratio(figures, f"{shape} of 1,000", f"{shape} of 10"), ("<=", 1.2),
            note=f"{middle[f'{shape} of 1,000']:.0f} µs against {middle[f'{shape} of 10']:.0f}",
            details={"microseconds_per_step": figures})
        for shape, long in {"chain": "chain", "fan": "fan, all steps at once,"}.items()] + [
        Row("growth", "time per item of a foreach over 1,000 items against a step of a 1,000-step fan of the same operation",
            rounds.ratio(figures, "foreach of 1,000", "fan of 1,000 summaries"), ("<=", 1.5),
            note=f"{middle['foreach of 1,000']:.0f} µs against {middle['fan of 1,000 summaries']:.0f}")]


def _seconds(redis_server, jobs):
    """From the first start of a run to the last end, by Redis's clock."""
    times = backlogs.times(redis_server, jobs)
    return max(finished for _, finished in times) - min(started for started, _ in times)
