"""Celery: the solo pool (threads were no faster), results ignored, a high prefetch for short tasks, and no gossip, mingle
or heartbeat between workers."""
import redis
from celery import Celery

import backlog
import workflow

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
    app.worker_main(
        ["worker", "--loglevel=WARNING", "--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    backlog.main(fill, work)
