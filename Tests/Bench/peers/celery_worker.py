"""Celery: one process; results ignored, a high prefetch for short tasks, no gossip, mingle or heartbeat between workers."""
import os

import redis
from celery import Celery

import backlog
import workflow

POOL = os.environ.get("CELERY_POOL", "solo")

app = Celery("celery_worker", broker=backlog.redis_url().replace("unix://", "redis+socket://"))
app.conf.update(
    task_ignore_result=True, worker_prefetch_multiplier=128, task_serializer="json", accept_content=["json"],
    worker_send_task_events=False, broker_connection_retry_on_startup=True, broker_pool_limit=10)
client = redis.Redis.from_url(backlog.redis_url())


@app.task(ignore_result=True)
def run_workflow(job, definition):
    workflow.run_blocking(client, job, definition)


def fill(jobs, definition):
    with app.producer_pool.acquire(block=True) as producer:
        for job in jobs:
            run_workflow.apply_async((job, definition), producer=producer)


def work():
    concurrency = {"solo": 1, "threads": 10, "gevent": 100}[POOL]
    app.worker_main(
        ["worker", "--loglevel=WARNING", f"--pool={POOL}", f"--concurrency={concurrency}", "--without-gossip",
         "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    backlog.main(fill, work)
