"""Dramatiq: one process, its default of 8 threads, without the middleware that the row does not use (no results, no
retries, no time limits), as its docs advise for speed."""
import os
import sys

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

import backlog
import workflow

dramatiq.set_broker(RedisBroker(url=backlog.redis_url(), middleware=[]))
client = redis.Redis.from_url(backlog.redis_url())


@dramatiq.actor
def run_workflow(job, definition):
    workflow.run_blocking(client, job, definition)


def fill(jobs, definition):
    for job in jobs:
        run_workflow.send(job, definition)


def work():
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", "dramatiq_worker", "--processes", "1", "--threads", "8"])


if __name__ == "__main__":
    backlog.main(fill, work)
