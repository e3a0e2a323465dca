"""SAQ on uvloop: 100 jobs at once, a connection for each of their commands, no results kept."""
import asyncio

import uvloop
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

import backlog
import workflow


def open_queue():
    return RedisQueue(Redis.from_url(backlog.redis_url(), max_connections=1000), name="bench", max_concurrent_ops=100)


async def run_workflow(context, *, job, definition):
    await workflow.run_async(context["worker"].queue.redis, job, definition)


async def fill(jobs, definition):
    queue = open_queue()
    for first in range(0, len(jobs), 100):
        await asyncio.gather(
            *(queue.enqueue("run_workflow", job=job, definition=definition, ttl=-1, timeout=60)
              for job in jobs[first:first + 100]))
    await queue.disconnect()


async def serve():
    await Worker(open_queue(), functions=[("run_workflow", run_workflow)], concurrency=100).start()


if __name__ == "__main__":
    backlog.main(
        lambda jobs, definition: uvloop.run(fill(jobs, definition)), lambda: uvloop.run(serve()))
