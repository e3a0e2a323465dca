"""ARQ: 100 jobs at once, a poll of 10 ms instead of 500, no results kept (the run writes its own)."""
import asyncio
import os

from arq import run_worker
from arq.connections import RedisSettings, create_pool

import backlog
import workflow


async def run_workflow(context, job, definition):
    await workflow.run_async(context["redis"], job, definition)


class Settings:
    functions = [run_workflow]
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    max_jobs = 100
    poll_delay = 0.01
    keep_result = 0


async def fill(jobs, definition):
    pool = await create_pool(Settings.redis_settings)
    for first in range(0, len(jobs), 50):
        await asyncio.gather(
            *(pool.enqueue_job("run_workflow", job, definition) for job in jobs[first:first + 50]))
    await pool.aclose()


if __name__ == "__main__":
    backlog.main(lambda jobs, definition: asyncio.run(fill(jobs, definition)), lambda: run_worker(Settings))
