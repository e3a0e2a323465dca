"""Large documents: submit and run of a 900 kB text against 9 kB, per byte.

Seconds from the submission to the run's end, through nginx, one run after the other, divided by the bytes of the text:
the median of 100 runs of 9 kB, then of 8 of 900 kB, and so on. A fixed cost per run makes the small one dearer per byte; what grows
faster than the text would show.
"""
import rounds
import workflows
from client import Client
from services import Nginx, Redis, WfAPI, WfWorker
from table import Row

SMALL, LARGE = 9_000, 900_000


def measure(bench):
    with Redis(bench.folder) as redis_server, WfAPI(bench.folder, redis_server) as api, \
            WfWorker(bench.folder, redis_server), \
            Nginx(bench.folder, {"wf": ("fastcgi", api.socket, False)}) as nginx, \
            Client(nginx.ports["wf"], redis_server) as client:

        def arm(size, runs):
            body = workflows.document(size)

            def measure_once():
                seconds = [client.seconds_to_finish(body) for _ in range(runs)]
                return rounds.median(seconds) / size * 1e9
            measure_once()
            return measure_once

        figures = rounds.alternate(
            {"9 kB": arm(SMALL, 100), "900 kB": arm(LARGE, 8)}, bench.rounds, "ns per byte")
    middle = rounds.medians(figures)
    note = f"{middle['900 kB'] * LARGE / 1e6:.0f} ms against {middle['9 kB'] * SMALL / 1e6:.1f} ms a run"
    return [Row("large documents", "submit and run of 900 kB against 9 kB, per byte", rounds.ratio(figures, "900 kB", "9 kB"),
                ("<=", 1.2), note=note, details={"nanoseconds_per_byte": figures})]
