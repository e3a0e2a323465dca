"""The job of the peers whose workers are killed: it says in Redis when it begins, and takes three seconds.

Each file beside this one is a peer with nothing set but where Redis is, and its command line:

    python PEER.py enqueue    puts the job in the queue
    python PEER.py work       works until it is stopped
"""
import asyncio
import os
import sys
import time

import redis

SECONDS = 3
URL = os.environ["REDIS_URL"]


def begin():
    redis.Redis.from_url(URL).rpush("bench:begun", time.time())


def run_blocking():
    begin()
    time.sleep(SECONDS)


async def run_async():
    begin()
    await asyncio.sleep(SECONDS)


def main(enqueue, work):
    {"enqueue": enqueue, "work": work}[sys.argv[1]]()


def become(*command):
    """Replaces this process by a peer's command, given as the arguments of `python -m`."""
    os.execv(sys.executable, [sys.executable, "-m", *command])
