import asyncio

from taskiq_redis import RedisStreamBroker

import job

broker = RedisStreamBroker(job.URL)


@broker.task
async def sleep() -> None:
    await job.run_async()


async def enqueue():
    await broker.startup()
    await sleep.kiq()
    await broker.shutdown()


if __name__ == "__main__":
    job.main(lambda: asyncio.run(enqueue()), lambda: job.become("taskiq", "worker", "taskiq_job:broker"))
