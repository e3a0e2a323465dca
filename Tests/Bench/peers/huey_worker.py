"""huey: four threads, no results, nothing periodic, and no log lines."""
import logging
import os

import redis
from huey import RedisHuey

import backlog
import workflow

huey = RedisHuey("bench", url=os.environ["REDIS_URL"], results=False)
client = redis.Redis.from_url(os.environ["REDIS_URL"])


@huey.task()
def run_workflow(job, definition):
    workflow.run_blocking(client, job, definition)


def fill(jobs, definition):
    for job in jobs:
        run_workflow(job, definition)


def work():
    logging.getLogger("huey").setLevel(logging.WARNING)
    huey.create_consumer(workers=4, periodic=False).run()


if __name__ == "__main__":
    backlog.main(fill, work)
