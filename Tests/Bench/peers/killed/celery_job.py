from celery import Celery

import job

app = Celery("celery_job", broker=job.URL.replace("unix://", "redis+socket://"))


@app.task
def sleep():
    job.run_blocking()


if __name__ == "__main__":
    job.main(sleep.delay, lambda: job.become("celery", "--app", "celery_job", "worker"))
