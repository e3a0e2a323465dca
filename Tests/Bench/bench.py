"""`make bench`: measures wf side by side with its floor and its peers, and prints what it found as a table.

    bench.py [--rows submit,drain] [--base COMMIT] [--quick]

Every figure is a ratio of medians measured in one run, in turn (rounds.py). Results go to results.json beside this
file, to the tables in RESULTS.md and README.md, and as a plot to results.svg; rows that were not measured stay as they
were. `--base` adds the rows that compare this build with the one of a commit (builds.py), which `make` has built.
`--quick` takes fewer and shorter rounds, to try the harness, and writes nothing.
"""
import argparse
import importlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

import builds
import floors
import plot
import table
from processes import CoreUse
from services import HERE, REDIS_SETTINGS, ROOT, WF

GROUPS = ["submit", "status", "drain", "latency", "model_calls", "stream_events", "watchers", "memory", "growth_stored", "growth_steps",
          "growth_workers", "documents", "lists", "recovery", "recovery_peers", "cluster", "cluster_fourth"]
BASE_GROUPS = ["base_load", "base_idle", "base_stored"]
RESULTS = os.path.join(HERE, "results.json")
PLOT = os.path.join(HERE, "results.svg")
TABLE = os.path.join(HERE, "RESULTS.md")
README = os.path.join(ROOT, "README.md")


class Bench:
    """What all rows share: a folder for sockets, data and logs, the example, how often and how long to measure."""

    def __init__(self, folder, chosen):
        self.folder = folder
        self.quick = quick = chosen.quick
        self.base = chosen.base
        self.recovery_limit = chosen.recovery_limit
        self.rounds = 2 if quick else 5
        self.more_rounds = 0 if quick else 4  # where a round is short
        self.seconds = 1 if quick else 3
        self.steady_seconds = 1 if quick else 5
        self.example_file = os.path.join(ROOT, "Sources/WorkflowCommand/Resources/example.json")
        with open(self.example_file, "rb") as file:
            self.example = file.read()
        self.last = committed_rows()

    def cpu_row(self, what, microseconds):
        """CPU time, against what the committed results say; without any it is only written down."""
        figure = f"µs {what}, user and system, against the last commit's"
        now = statistics.median(microseconds)
        details = {"microseconds": now, "rounds": microseconds}
        before = self.last.get(f"CPU: {figure}", {}).get("details", {}).get("microseconds")
        if not before:
            return table.Row("CPU", figure, None, note=f"{now:.0f} µs, the first", details=details)
        return table.Row("CPU", figure, now / before, ("<=", 1.1), note=f"{now:.0f} µs, was {before:.0f}", details=details)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", default="", help=f"some of {','.join(GROUPS + BASE_GROUPS)}, or what some begin with")
    options.add_argument("--base", default="", help="measure the base rows against the build of this commit")
    options.add_argument("--recovery-limit", type=float, default=60, metavar="S",
                         help="seconds after kill -9 in which a peer's job must run again (60; 400 sees the slowest that do)")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    chosen = options.parse_args()
    groups = chosen_groups(chosen, options)
    limit = max(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    floors.build()
    started = time.monotonic()
    rows, broken, other_cores = run(groups, chosen)
    print("\n" + table.as_markdown(map(table.as_json, rows)))
    if not chosen.quick:
        results = table.write_json(RESULTS, rows, facts(chosen), other_cores)
        every_row = list(results["rows"].values())
        table.write_results(TABLE, results)
        table.write_readme(README, results["rows"])
        plot.write(PLOT, every_row)
    print(f"\n{time.monotonic() - started:.0f} s in all")
    for name in broken:
        print(f"the rows of {name} could not be measured (see above)")
    sys.exit(1 if broken else 0)


def chosen_groups(chosen, options):
    """The groups to measure; those against a base only where there is one."""
    if chosen.base and not os.path.exists(builds.base_binary(chosen.base)):
        options.error(f"{builds.base_binary(chosen.base)} is missing: make bench BASE={chosen.base}")
    known = GROUPS + (BASE_GROUPS if chosen.base else [])
    names = [name for name in chosen.rows.split(",") if name] or known
    groups = [group for group in known if any(group.startswith(name) for name in names)]
    unknown = [name for name in names if not any(group.startswith(name) for group in known)]
    if unknown:
        hint = "" if chosen.base else f"; with BASE=COMMIT also {', '.join(BASE_GROUPS)}"
        options.error(f"there are no rows {', '.join(unknown)}; there are {', '.join(known)}{hint}")
    return groups


def committed_rows():
    """The rows of results.json as the last commit has them; none when it has none."""
    path = os.path.relpath(RESULTS, ROOT)
    shown = subprocess.run(["git", "-C", ROOT, "show", f"HEAD:{path}"], capture_output=True)
    return json.loads(shown.stdout)["rows"] if shown.returncode == 0 else {}


def run(groups, chosen):
    """Measures the groups one after another; one that breaks does not stop the others."""
    print("Redis settings of every stack: " + " ".join(f"{key}={value!r}" for key, value in REDIS_SETTINGS.items()))
    rows, broken, other_cores = [], [], {}
    for name in groups:
        print(f"{name}:", flush=True)
        folder = tempfile.mkdtemp(prefix="wf-bench-")
        use = CoreUse()
        try:
            found = importlib.import_module(f"rows.{name}").measure(Bench(folder, chosen))
            rows += found
            for row in found:
                row.group = name
                print(f"  {row.figure}: {row.value_text} ({row.must_text or 'no limit'}) {row.verdict} {row.note}")
        except Exception:
            traceback.print_exc()
            broken.append(name)
        finally:
            if chosen.keep:
                print(f"  logs in {folder}")
            else:
                shutil.rmtree(folder)
        seconds, other_cores[name] = use.so_far()
        print(f"  {seconds:.0f} s; what else runs here used {other_cores[name]:.2f} of {os.cpu_count()} cores", flush=True)
    return rows, broken, other_cores


def facts(chosen):
    with open("/proc/cpuinfo") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    machine = {"cores": os.cpu_count(), "cpu": models[0] if models else platform.machine(), "redis": REDIS_SETTINGS}
    return machine | ({"base": chosen.base} if chosen.base else {})


if __name__ == "__main__":
    if not os.path.exists(WF):
        sys.exit(f"{WF} is missing: make build")
    main()
