"""Fills a peer's queue before a round, and serves as the command line of every peer:

    python PEER.py enqueue COUNT BODY    writes COUNT runs of the workflow in the file BODY, and puts them in the queue
    python PEER.py work                  works until it is stopped

The ids are made from their number, so that the harness can look at every run afterwards.
"""
import json
import os
import sys
import time
import uuid

import redis

from keys import job_key, progress_key


def redis_url():
    return os.environ["REDIS_URL"]


def job_ids(count):
    return [str(uuid.UUID(int=number)) for number in range(count)]


def write_queued_runs(jobs, workflow):
    """What an API writes of a run when it accepts it, apart from the queue's own part."""
    client = redis.Redis.from_url(redis_url())
    for first in range(0, len(jobs), 500):
        pipeline = client.pipeline(transaction=False)
        for job in jobs[first:first + 500]:
            now = time.time()
            pipeline.hset(
                job_key(job), mapping={"status": "queued", "run_name": workflow["run_name"], "created_ts": str(now)})
            pipeline.rpush(progress_key(job), json.dumps({"ts": now, "msg": "enqueued"}))
        pipeline.execute()


def main(enqueue, work):
    """`enqueue(jobs, workflow)` puts runs in the peer's queue; `work()` is its worker."""
    if sys.argv[1] == "work":
        work()
        return
    with open(sys.argv[3]) as file:
        workflow = json.load(file)
    jobs = job_ids(int(sys.argv[2]))
    write_queued_runs(jobs, workflow)
    enqueue(jobs, workflow)
