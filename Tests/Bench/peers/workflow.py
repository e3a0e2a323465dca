"""Runs a workflow as the peers' workers do: step after step, each written to Redis as it happens.

`writes` is the one description of what a run does; `run_async` and `run_blocking` carry it out over redis-py. All peers
so make the same commands in the same order: two for the start, two per step, three for the end.
"""
import graphlib
import json
import time

from keys import job_key, progress_key, result_key


def resolve(value, outputs):
    """What a reference such as "@pre.clean_text" stands for; any other value as it is."""
    if not (isinstance(value, str) and value.startswith("@")):
        return value
    step, _, name = value[1:].partition(".")
    found = outputs.get(step, {})
    return found.get(name) if name else found


def preprocess(params, inputs, outputs, stores):
    return {"clean_text": " ".join(str(inputs.get(params.get("field", "text"), "")).split())}


def llm_summarize(params, inputs, outputs, stores):
    source, limit = resolve(params.get("source", "@pre.clean_text"), outputs), params.get("max_tokens", 120)
    return {"summary": f"Summary({min(len(source), limit)}): {source[:limit]}"}


def store_result(params, inputs, outputs, stores):
    namespace = params.get("namespace", "default")
    items = stores.setdefault(namespace, [])
    items.append(resolve(params.get("data", "@llm.summary"), outputs))
    return {"stored_under": namespace, "items": len(items)}


OPERATIONS = {"preprocess": preprocess, "llm_summarize": llm_summarize, "store_result": store_result}


def writes(job, workflow):
    """Runs the steps, and yields each command for Redis where it falls due."""

    def entry(msg, **more):
        return ("RPUSH", progress_key(job), json.dumps({"ts": time.time(), "msg": msg, **more}))

    yield ("HSET", job_key(job), "status", "started")
    yield entry("started", run=workflow["run_name"])
    steps = {step["id"]: step for step in workflow["steps"]}
    inputs, outputs, stores = workflow["inputs"], {}, {}
    order = graphlib.TopologicalSorter({name: step.get("needs", []) for name, step in steps.items()})
    for name in order.static_order():
        step = steps[name]
        yield entry("step_start", step=name, op=step["op"])
        outputs[name] = OPERATIONS[step["op"]](step.get("params", {}), inputs, outputs, stores)
        yield entry("step_done", step=name, outputs=outputs[name])
    result = {"run_name": workflow["run_name"], "inputs": inputs, "outputs": outputs, "stores": stores}
    yield ("SET", result_key(job), json.dumps(result))
    yield ("HSET", job_key(job), "status", "finished")
    yield entry("finished")


async def run_async(redis, job, workflow):
    try:
        for command in writes(job, workflow):
            await redis.execute_command(*command)
    except Exception as error:
        await redis.hset(job_key(job), mapping={"status": "failed", "error": str(error)})
        await redis.rpush(progress_key(job), json.dumps({"ts": time.time(), "msg": "failed", "error": str(error)}))
        raise


def run_blocking(redis, job, workflow):
    try:
        for command in writes(job, workflow):
            redis.execute_command(*command)
    except Exception as error:
        redis.hset(job_key(job), mapping={"status": "failed", "error": str(error)})
        redis.rpush(progress_key(job), json.dumps({"ts": time.time(), "msg": "failed", "error": str(error)}))
        raise
