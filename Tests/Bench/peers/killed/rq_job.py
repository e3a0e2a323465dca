import redis
from rq import Queue, Worker

import job

client = redis.Redis.from_url(job.URL)

if __name__ == "__main__":
    job.main(lambda: Queue(connection=client).enqueue("job.run_blocking"),
             lambda: Worker(["default"], connection=client).work())
