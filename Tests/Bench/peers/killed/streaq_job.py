import asyncio

from streaq import Worker

import job

worker = Worker(redis_url=job.URL)


@worker.task
async def sleep() -> None:
    await job.run_async()


async def enqueue():
    async with worker:
        await sleep.enqueue()


if __name__ == "__main__":
    job.main(lambda: asyncio.run(enqueue()), worker.run_sync)
