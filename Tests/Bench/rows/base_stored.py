"""This build against the base in what Redis holds: a finished example run, and a run of 31 steps over a text of 1 MB.

Example: what 1,000 runs that have finished add to MEMORY USAGE summed over all keys, indexes included, the store that they
append to left out. Large run: 31 `preprocess` of one text, with WF_MAX_RUN_BYTES=256MiB; the longest script by SLOWLOG, the median of
the rounds (wall time: what else runs on the machine is in it), and MEMORY USAGE of the run's keys over the bytes of its
documents: definition, inputs and outputs as compact JSON, each once.
"""
import json

import rounds
import workflows
from builds import compare, in_both
from table import Row

EXAMPLES = 1000
TEXT, STEPS = 1_000_000, 31
LIMIT = {"WF_MAX_RUN_BYTES": "256MiB"}
SHORTEST_MS = 1  # what the slow log leaves out


def measure(bench):
    example = {name: [size] for name, size in in_both(bench, _bytes_per_example).items()}
    body = workflows.fan(STEPS, workflows.text(TEXT))
    large = [in_both(bench, lambda stack: _large_run(stack, body), **LIMIT) for _ in range(1 if bench.quick else 3)]
    longest = {name: [found[name][0] for found in large] for name in large[0]}
    share = {name: large[-1][name][1] for name in large[-1]}
    middle = rounds.medians(longest)
    what = f"a run of {STEPS} steps over 1 MB"
    return [
        compare("bytes in Redis of a finished example run, indexes included", example, ("<=", 0.68), 0.60, "bytes"),
        Row("against the base", f"{what}: longest script in Redis", middle["this"], ("<=", 20), unit="ms",
            note=f"the base: {middle['base']:.0f} ms", details={"milliseconds": longest}),
        Row("against the base", f"{what}: bytes in Redis against its documents", share["this"], ("<=", 1.2),
            note=f"the base: {share['base']:.2f}", details=share)]


def _bytes_per_example(stack):
    with stack.worker() as worker:
        def total(count):
            stack.wait_until_finished(stack.submit(count)[-1], [worker])
            return _memory_usage(stack.redis, [
                key for key in stack.redis.client.scan_iter(count=1000) if not key.startswith(b"wf:store:")])

        before = total(100)
        size = (total(EXAMPLES) - before) / EXAMPLES
    print(f"  {stack.name}: {size:.0f} bytes", flush=True)
    return size


def _large_run(stack, body):
    """Milliseconds of the longest script, and what the run keeps in Redis over the bytes of its documents."""
    redis = stack.redis.client
    redis.config_set("slowlog-log-slower-than", SHORTEST_MS * 1000)
    redis.config_set("slowlog-max-len", 10_000)
    redis.slowlog_reset()
    with stack.worker() as worker, stack.client() as client:
        job = client.submit(body)
        stack.wait_until_finished(job, [worker])
    scripts = [entry["duration"] / 1000 for entry in redis.slowlog_get(10_000) if entry["command"][:4] in (b"EVAL", b"FCAL")]
    longest = max(scripts, default=SHORTEST_MS)
    share = _memory_usage(stack.redis, redis.scan_iter(f"*{job}*", count=1000)) / _documents(redis, job, body)
    print(f"  {stack.name}: longest script {longest:.0f} ms, {share:.2f} of its documents", flush=True)
    return longest, share


def _documents(redis, job, body):
    result = json.loads(redis.get(f"wf:result:{job}"))
    documents = [json.loads(body)["steps"], result["inputs"], *result["outputs"].values()]
    return sum(len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()) for document in documents)


def _memory_usage(redis_server, keys):
    pipeline = redis_server.client.pipeline(transaction=False)
    for key in keys:
        pipeline.memory_usage(key, samples=0)
    return sum(size or 0 for size in pipeline.execute())
