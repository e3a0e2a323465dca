"""Submits runs with nothing but a Redis client: inbox.py SOCKET PARTITIONS < REQUEST

REQUEST is {"entries": [TEXT...], "jobs": [ID...], "refused": N}. The entries are pushed to wf:inbox, one command each; then
this waits until each of the jobs has ended and N entries are refused, and prints {"jobs": {ID: {...}}, "refused": [...]}.
"""

import json
import sys
import time

import redis

client = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True)
partitions = int(sys.argv[2])
request = json.load(sys.stdin)


def prefix(job_id):
    """What the keys of a job begin with (FNV-1a of its id, where there are several partitions)."""
    if partitions == 1:
        return "wf:"
    value = 2166136261
    for byte in job_id.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return "wf:{%d}:" % (value % partitions)


def wait(look, what):
    deadline = time.monotonic() + 100
    while not (found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"waited for {what}")
        time.sleep(0.02)
    return found


def ended(job_id):
    job = client.hgetall(prefix(job_id) + "job:" + job_id)
    return job if job.get("status") in ("finished", "failed") else None


for entry in request["entries"]:
    client.rpush("wf:inbox", entry)
jobs = {}
for job_id in request["jobs"]:
    job = wait(lambda: ended(job_id), f"the end of {job_id}")
    result = client.get(prefix(job_id) + "result:" + job_id)
    log = client.lrange(prefix(job_id) + "progress:" + job_id, 0, -1)
    jobs[job_id] = job | {"result": result and json.loads(result), "log": [json.loads(entry)["msg"] for entry in log]}
wait(lambda: client.llen("wf:inbox:refused") >= request["refused"], "refused entries")
print(json.dumps({"jobs": jobs, "refused": [json.loads(entry) for entry in client.lrange("wf:inbox:refused", 0, -1)]}))
