"""Growth with what is stored: submit and claim with 1,000,000 small finished runs in Redis, against 1,000.

Two Redis servers, one with each number of runs, which a loader writes by a script: the keys of one finished run of
wf with a single step, copied under other ids. Submit is requests per second of the example through nginx and an API for each; claim is the
time that Redis itself spends on the worker's own claim (captured_commands.py) of 64 runs (INFO commandstats).
"""
import time

import rounds
import workflows
from captured_commands import CLAIM
from rows.drain import captured
from services import Nginx, Redis, WfAPI
from table import Row
from wrk import wrk

CLAIMS = 50  # a round

# Copies the keys of one finished run to many ids. KEYS: job, progress and result of the run; ARGV: first, last.
COPY = """
local job = redis.call('HGETALL', KEYS[1])
local progress = redis.call('LRANGE', KEYS[2], 0, -1)
local result = redis.call('GET', KEYS[3])
for number = ARGV[1], ARGV[2] do
  local id = string.format('00000000-0000-4000-9000-%012d', number)
  redis.call('HSET', 'wf:job:' .. id, unpack(job))
  redis.call('RPUSH', 'wf:progress:' .. id, unpack(progress))
  redis.call('SET', 'wf:result:' .. id, result, 'EX', 604800)
  redis.call('EXPIRE', 'wf:job:' .. id, 604800)
  redis.call('EXPIRE', 'wf:progress:' .. id, 604800)
end
"""


def measure(bench):
    few, many = 1000, 20_000 if bench.quick else 1_000_000
    with Redis(bench.folder, "redis-few") as little, Redis(bench.folder, "redis-many") as much:
        commands = {}
        for redis_server, count in ((little, few), (much, many)):
            commands[redis_server] = captured(bench, redis_server, workflows.chain(1))
            _store(redis_server, count)
        with WfAPI(bench.folder, little, "api-few") as api_few, WfAPI(bench.folder, much, "api-many") as api_many, \
                Nginx(bench.folder, {"few": ("fastcgi", api_few.socket, False),
                                     "many": ("fastcgi", api_many.socket, False)}) as nginx:
            return _rows(bench, nginx, {"few": little, "many": much}, commands, many)


def _store(redis_server, count):
    job = next(redis_server.client.scan_iter("wf:result:*", count=1000)).decode().removeprefix("wf:result:")
    keys = [f"wf:{kind}:{job}" for kind in ("job", "progress", "result")]
    copy = redis_server.client.register_script(COPY)
    started = time.monotonic()
    for first in range(0, count, 1000):
        copy(keys, [first, first + 999])
    megabytes = redis_server.client.info("memory")["used_memory"] / 1e6
    print(f"  {count:,} runs stored in {time.monotonic() - started:.0f} s, {megabytes:.0f} MB", flush=True)


def _rows(bench, nginx, servers, commands, many):
    failed = {"few": 0, "many": 0}

    def submit(name):
        def measure_once():
            load = wrk("submit.lua", f"{nginx.url(name)}/workflow/run", bench.example_file, bench.seconds)
            failed[name] += load.failed
            return load.per_second
        return measure_once

    submits = rounds.alternate({name: submit(name) for name in servers}, bench.rounds, "submits/s")
    claims = rounds.alternate(
        {name: lambda name=name: _claim_microseconds(servers[name], commands[servers[name]]) for name in servers},
        bench.rounds, "µs per claimed run")
    middle = rounds.medians(claims)
    note = f"{sum(failed.values())} requests failed" if sum(failed.values()) else ""
    what = f"with {many:,} finished runs stored against 1,000"
    return [
        Row("growth", f"time of a submit {what}", rounds.ratio(submits, "few", "many"), ("<=", 1.25), note=note,
            details={"submits_per_second": submits, "failed_requests": failed}),
        Row("growth", f"time of a claim {what}", rounds.ratio(claims, "many", "few"), ("<=", 1.25),
            note=f"{middle['many']:.0f} µs a run against {middle['few']:.0f}",
            details={"microseconds_per_run": claims})]


def _claim_microseconds(redis_server, commands):
    """Redis's own time for the claims, over the number of runs that they brought."""
    template, before, runs = commands["claim"], _script_microseconds(redis_server), 0
    for number in range(CLAIMS):
        claim_id = f"stored-{time.monotonic_ns()}-{number}"
        reply = redis_server.client.execute_command(*[claim_id if word == CLAIM else word for word in template])
        # Format 1 answers a list for each run; this one three words.
        runs += sum(isinstance(word, list) for word in reply) or max(0, (len(reply) - 5) // 3)
    if runs < CLAIMS * 10:
        raise RuntimeError(f"{CLAIMS} claims brought only {runs} runs")
    return (_script_microseconds(redis_server) - before) / runs


def _script_microseconds(redis_server):
    """Time that Redis has spent in scripts; while claims are measured nothing else sends one."""
    return redis_server.client.info("commandstats")["cmdstat_evalsha"]["usec"]
