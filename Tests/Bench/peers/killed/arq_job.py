import asyncio

from arq import run_worker
from arq.connections import RedisSettings, create_pool

import job


async def sleep(context):
    await job.run_async()


class Settings:
    functions = [sleep]
    redis_settings = RedisSettings.from_dsn(job.URL)


async def enqueue():
    await (await create_pool(Settings.redis_settings)).enqueue_job("sleep")


if __name__ == "__main__":
    job.main(lambda: asyncio.run(enqueue()), lambda: run_worker(Settings))
