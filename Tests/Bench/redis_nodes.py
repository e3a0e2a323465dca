"""One Redis server, or the nodes of a Redis Cluster that share the slots, and where in them wf's partitions are.

wf reaches them over TCP, as it must reach a cluster: a unix socket would favour the single server. The slots are shared
as `redis-cli --cluster create` shares them.
"""
import binascii
import contextlib
import os

from processes import Process, wait_until
from services import Redis, free_port

SLOTS = 16384


class RedisNodes:
    """Redis for one wf with a number of partitions: one server, or a cluster of several, with a share of one core in all, or
    without a limit."""

    def __init__(self, bench, name: str, nodes: int, partitions: int, share: float | None, resources: contextlib.ExitStack):
        self.partitions = partitions
        if share:
            self.limit = resources.enter_context(CPULimit(f"wf-bench-{name}", share))
        ports = [free_port() for _ in range(nodes)]
        buses = [free_port() for _ in range(nodes)]
        self.nodes = [
            resources.enter_context(Redis(bench.folder, f"{name}-{number}", port, cluster_settings(number, bus) if nodes > 1 else ()))
            for number, (port, bus) in enumerate(zip(ports, buses))]
        if nodes > 1:
            self._form(ports, buses)
        for node in self.nodes if share else ():
            self.limit.add(node)
        self.first_port = ports[0]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        self.wf_url = f"redis+cluster://{hosts}" if nodes > 1 else f"redis://{hosts}"
        self.settings = {"WF_PARTITIONS": str(partitions)}
        self.by_partition = [self.nodes[slot_of(str(number)) * nodes // SLOTS] for number in range(partitions)]

    def _form(self, ports, buses):
        """Makes a cluster of the nodes."""
        count = len(self.nodes)
        for number, node in enumerate(self.nodes):
            first, last = (-(-SLOTS * edge // count) for edge in (number, number + 1))
            node.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            node.client.execute_command("CLUSTER ADDSLOTSRANGE", first, last - 1)
            node.client.execute_command("CLUSTER MEET", "127.0.0.1", ports[0], buses[0])

        def is_formed():
            states = [node.client.execute_command("CLUSTER INFO") for node in self.nodes]
            return all(
                state["cluster_state"] == "ok" and state["cluster_slots_ok"] == str(SLOTS) and state["cluster_known_nodes"] == str(count)
                for state in states)

        wait_until(is_formed, 30, "the cluster is formed", self.nodes)

    def cpu_nanoseconds(self) -> int:
        """CPU time of all nodes so far."""
        return sum(node.cpu_nanoseconds() for node in self.nodes)

    def used_memory(self) -> int:
        """Bytes that all nodes have allocated."""
        return sum(node.client.info("memory")["used_memory"] for node in self.nodes)

    def file_bytes(self) -> int:
        """Bytes of the append-only files of all nodes."""
        return sum(node.client.info("persistence")["aof_current_size"] for node in self.nodes)

    def flush(self):
        """Empties the data; the scripts stay loaded."""
        for node in self.nodes:
            node.flush()

    def queues(self) -> dict[Process, list[bytes]]:
        """The keys of the queues that are not empty, by node."""
        return {node: list(node.client.scan_iter("wf:*queue:*", count=10_000)) for node in self.nodes}

    @staticmethod
    def queued(queues: dict[Process, list[bytes]]) -> int:
        """How many runs these queues hold."""
        left = 0
        for node, keys in queues.items():
            pipeline = node.client.pipeline(transaction=False)
            for key in keys:
                pipeline.llen(key)
            left += sum(pipeline.execute())
        return left

    def jobs(self, jobs: list[str], *fields: str) -> list[list[bytes]]:
        """Fields of runs, in no certain order."""
        asked = {node: [] for node in self.nodes}
        for job in jobs:
            number = partition_of(job, self.partitions)
            asked[self.by_partition[number]].append(f"wf:{{{number}}}:job:{job}" if self.partitions > 1 else f"wf:job:{job}")
        found = []
        for node, keys in asked.items():
            pipeline = node.client.pipeline(transaction=False)
            for key in keys:
                pipeline.hmget(key, *fields)
            found += pipeline.execute()
        return found


def cluster_settings(number: int, bus: int) -> tuple:
    """What makes a server a node of a cluster."""
    return ("--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{number}.conf", "--cluster-port", bus,
            "--cluster-require-full-coverage", "no")


def slot_of(tag: str) -> int:
    """The slot of all keys with a hash tag: CRC16 (XMODEM) of the text in braces."""
    return binascii.crc_hqx(tag.encode(), 0) % SLOTS


def partition_of(job: str, partitions: int) -> int:
    """The number of a run's partition: FNV-1a of 32 bits of its id."""
    digest = 2_166_136_261
    for byte in job.encode():
        digest = (digest ^ byte) * 16_777_619 & 0xFFFFFFFF
    return digest % partitions


class CPULimit:
    """A share of one core that processes have together: a control group of version 1 or 2 of their interface, made for root.

    Linux: Documentation/scheduler/sched-bwc.rst.
    """

    PERIOD = 10_000  # µs

    def __init__(self, name: str, share: float):
        one = "/sys/fs/cgroup/cpu"
        self.is_first = os.path.isdir(one)
        self.folder = os.path.join(one if self.is_first else "/sys/fs/cgroup", f"{name}-{os.getpid()}")
        try:
            os.mkdir(self.folder)
            self.set(share)
        except OSError as error:
            raise RuntimeError(f"no CPU can be limited here ({error}): run as root, where control groups can be made") from None

    def set(self, share: float | None):
        """Sets the share; none for no limit."""
        quota = int(self.PERIOD * share) if share else None
        if self.is_first:
            self._write("cpu.cfs_period_us", self.PERIOD)
            self._write("cpu.cfs_quota_us", quota or -1)
        else:
            self._write("cpu.max", f"{quota or 'max'} {self.PERIOD}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.rmdir(self.folder)

    def add(self, process: Process):
        """Has a process share the limit."""
        self._write("cgroup.procs", process.pid)

    def _write(self, file, value):
        with open(os.path.join(self.folder, file), "w") as target:
            target.write(str(value))
