"""RQ: SimpleWorker, which does not fork for every job, and no results kept."""
import redis
from rq import Queue, SimpleWorker

import backlog
import workflow

client = redis.Redis.from_url(backlog.redis_url())


def run_workflow(job, definition):
    workflow.run_blocking(client, job, definition)


def fill(jobs, definition):
    queue = Queue("bench", connection=client)
    for first in range(0, len(jobs), 200):
        queue.enqueue_many(
            [Queue.prepare_data("rq_worker.run_workflow", (job, definition), result_ttl=0)
             for job in jobs[first:first + 200]])


def work():
    SimpleWorker(["bench"], connection=client).work(logging_level="WARNING")


if __name__ == "__main__":
    backlog.main(fill, work)
