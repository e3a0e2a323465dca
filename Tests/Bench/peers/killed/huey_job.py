from huey import RedisHuey

import job

huey = RedisHuey(url=job.URL)


@huey.task()
def sleep():
    job.run_blocking()


if __name__ == "__main__":
    job.main(sleep, lambda: huey.create_consumer().run())
