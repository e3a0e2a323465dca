import asyncio

from redis.asyncio import Redis
from saq.queue.redis import RedisQueue

import job

queue = RedisQueue(Redis.from_url(job.URL))


async def sleep(context):
    await job.run_async()


settings = {"queue": queue, "functions": [sleep]}


async def enqueue():
    await queue.connect()
    await queue.enqueue("sleep")
    await queue.disconnect()


if __name__ == "__main__":
    job.main(lambda: asyncio.run(enqueue()), lambda: job.become("saq", "saq_job.settings"))
