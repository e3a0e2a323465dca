"""Starts and stops the processes of a measurement, and reads what the kernel knows of them from /proc.

Every process dies with the harness (setpriv --pdeathsig), and writes its output to a log in the harness's folder.
"""
import contextlib
import os
import resource
import select
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


class Process:
    """One process, running from its construction until stop() or kill()."""

    def __init__(self, name, command, folder, environment=None, directory=None):
        self.name = name
        self.log = os.path.join(folder, f"{name}.log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--"] + [str(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        self.pid = self.process.pid

    def check(self):
        """Raises with the end of the log when the process has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines=20):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def stop(self, grace=40):
        """SIGTERM, and SIGKILL to the whole session after the grace; waits for the end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                print(f"  {self.name} did not stop within {grace} s and was killed", flush=True)
                self.kill()

    def kill(self):
        """SIGKILL to the process and everything that descends from it, in sessions of their own too; waits for its end."""
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def family(self):
        """Process ids of the process and everything that descends from it."""
        found = [self.pid]
        for pid in found:
            for task in _listed(f"/proc/{pid}/task"):
                found += [int(child) for child in _text(f"/proc/{pid}/task/{task}/children").split()]
        return found

    def cpu_nanoseconds(self):
        """User and system time of the family so far, by the CPU-time clocks of its processes (clock_getcpuclockid)."""
        return sum(_cpu_nanoseconds(pid) for pid in self.family())

    def cpu_seconds(self):
        return self.cpu_nanoseconds() / 1e9

    def open_files(self):
        """How many file descriptors the process and its children have open."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.family())

    def pss_bytes(self):
        """Proportional set size of the family, from /proc/PID/smaps_rollup."""
        total = 0
        for pid in self.family():
            for line in _text(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total


def wait_until(condition, seconds, what, processes=(), pause=0.01):
    """Looks at a condition again and again; raises when the time is over or as soon as one of the processes has ended."""
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(os.fdopen(os.pidfd_open(process.pid), closefd=True)) for process in processes
                if process.process.poll() is None]
        while not condition():
            for process in processes:
                process.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            select.select(ends, [], [], pause)


def wait_until_idle(process):
    """Waits until a process has not run from one look to the next, 10 ms later."""
    looks = [-1]

    def is_idle():
        looks.append(process.cpu_nanoseconds())
        return looks[-1] == looks[-2]

    wait_until(is_idle, 10, f"{process.name} is idle", [process])


def settled_pss(process, seconds=30):
    """The proportional set size of a process, once two looks in succession find the same."""
    looks = [0, process.pss_bytes()]

    def is_settled():
        looks.append(process.pss_bytes())
        return looks[-1] == looks[-2] == looks[-3]

    wait_until(is_settled, seconds, f"the memory of {process.name} settles", [process], pause=0.2)
    return looks[-1]


def busy_seconds():
    """CPU time that the whole machine has spent on anything, from /proc/stat; waiting for a disk is not work."""
    user, nice, system, _, _, *interrupts = map(int, _text("/proc/stat").split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICK


class CoreUse:
    """How many cores other programs than the harness and its processes use, from its construction on."""

    def __init__(self):
        self.started, self.busy, self.own = time.monotonic(), busy_seconds(), self._own_seconds()

    def so_far(self):
        """Seconds, and the cores that others used on average; exact once every process of ours has been stopped."""
        seconds = time.monotonic() - self.started
        others = busy_seconds() - self.busy - (self._own_seconds() - self.own)
        return seconds, max(0.0, others / seconds)

    @staticmethod
    def _own_seconds():
        uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in uses)


def _cpu_nanoseconds(pid):
    """CPU time of a process, its threads that have ended included; 0 when it has just ended."""
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)  # 2: CPUCLOCK_SCHED
    except OSError:
        return 0


def _text(path):
    """A file of /proc; empty when the process has just ended."""
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _listed(path):
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
