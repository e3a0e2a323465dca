"""taskiq: the list broker, its fastest; one worker process, 100 tasks at once, no results kept, no parsing of arguments."""
import asyncio
import os
import sys

from redis.asyncio import Redis
from taskiq_redis import ListQueueBroker

import backlog
import workflow

broker = ListQueueBroker(backlog.redis_url(), queue_name="bench-taskiq")
client = Redis.from_url(backlog.redis_url(), max_connections=1000)


@broker.task(task_name="run_workflow")
async def run_workflow(job: str, definition: dict) -> None:
    await workflow.run_async(client, job, definition)


async def fill(jobs, definition):
    await broker.startup()
    for first in range(0, len(jobs), 50):
        await asyncio.gather(*(run_workflow.kiq(job, definition) for job in jobs[first:first + 50]))
    await broker.shutdown()


def work():
    command = [sys.executable, "-m", "taskiq", "worker", "taskiq_worker:broker", "--workers", "1", "--no-parse",
               "--max-async-tasks", "100", "--max-prefetch", "100", "--log-level", "WARNING"]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    backlog.main(lambda jobs, definition: asyncio.run(fill(jobs, definition)), work)
