"""The peer's API: FastAPI with one pool of Redis connections; it enqueues for ARQ. Served by uvicorn (services.py)."""
import contextlib
import json
import os
import time
import uuid

from arq.connections import RedisSettings, create_pool
from fastapi import FastAPI, HTTPException, Request

from keys import job_key, progress_key, result_key
from schema import Accepted, Workflow


@contextlib.asynccontextmanager
async def redis_pool(app):
    app.state.redis = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))
    yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=redis_pool)


@app.post("/workflow/run", status_code=202, response_model=Accepted)
async def submit(workflow: Workflow, request: Request):
    redis = request.app.state.redis
    job, now = str(uuid.uuid4()), time.time()
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hset(
            job_key(job), mapping={"status": "queued", "run_name": workflow.run_name, "created_ts": str(now)})
        pipeline.rpush(progress_key(job), json.dumps({"ts": now, "msg": "enqueued"}))
        await pipeline.execute()
    await redis.enqueue_job("run_workflow", job, workflow.model_dump())
    return Accepted(job_id=job, status_url=f"/status/{job}")


@app.get("/status/{job}")
async def status(job: str, request: Request):
    async with request.app.state.redis.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(job_key(job))
        pipeline.lrange(progress_key(job), 0, -1)
        pipeline.get(result_key(job))
        fields, entries, result = await pipeline.execute()
    if not fields:
        raise HTTPException(404, "there is no such job")
    answer = {"job_id": job}
    answer.update((name.decode(), value.decode()) for name, value in fields.items())
    answer["progress"] = [json.loads(entry) for entry in entries]
    answer["result"] = json.loads(result) if result else None
    return answer
