import dramatiq
from dramatiq.brokers.redis import RedisBroker

import job

dramatiq.set_broker(RedisBroker(url=job.URL))


@dramatiq.actor
def sleep():
    job.run_blocking()


if __name__ == "__main__":
    job.main(sleep.send, lambda: job.become("dramatiq", "dramatiq_job"))
