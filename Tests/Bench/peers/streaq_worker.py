"""streaQ on uvloop: 100 tasks at once, no results kept."""
import uvloop
from redis.asyncio import Redis
from streaq import Worker

import backlog
import workflow

worker = Worker(redis_url=backlog.redis_url(), concurrency=100, anyio_kwargs={"use_uvloop": True})
client = Redis.from_url(backlog.redis_url(), max_connections=1000)


@worker.task(ttl=0)
async def run_workflow(job: str, definition: dict) -> None:
    await workflow.run_async(client, job, definition)


async def fill(jobs, definition):
    async with worker:
        for first in range(0, len(jobs), 100):
            await worker.enqueue_many([run_workflow.enqueue(job, definition) for job in jobs[first:first + 100]])


if __name__ == "__main__":
    backlog.main(lambda jobs, definition: uvloop.run(fill(jobs, definition)), worker.run_sync)
