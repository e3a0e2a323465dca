"""Makes bodies that the schema accepts into bodies that the API accepts: it says what no JSON Schema can.

JSON Schema compares no two values. So of a body that is meant to be good the ids of steps become different, needs and
references lead to a step that is there, and numbers that bound each other are put in order. Bodies that are meant to be
faulty stay as they are.
"""

import re

import schemathesis

FIRST = {"id": "pre", "op": "preprocess"}
IN_BRACES = re.compile(r"\{\{([ \t\n\r]*)[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")


def to_first(value):
    """A value whose references lead to the first step."""
    if isinstance(value, dict):
        return {key: to_first(member) for key, member in value.items()}
    if isinstance(value, list):
        return [to_first(element) for element in value]
    if not isinstance(value, str):
        return value
    if value.startswith("@") and not value.startswith("@@"):
        return re.sub(r"^@[A-Za-z0-9_-]+", "@pre", value)
    return IN_BRACES.sub(r"{{\1pre", value)


def ordered_step(step, number):
    step = dict(step, id=f"s{number}")
    params = to_first(step.get("params", {}))
    if step["op"] == "http_request":
        # Which hosts may be asked, no schema says; a reference is looked at when the step starts.
        params = {"url": "@pre.clean_text"}
    if step["op"] == "llm_summarize":
        params.pop("chunk_tokens", None)
    if step["op"] == "llm_chat":
        # Which messages and schemas make sense, no schema says.
        params = {"prompt": "text"}
    if "foreach" in step:
        step["foreach"] = to_first(step["foreach"])
    if step["op"] == "store_result":
        params.setdefault("data", "text")
    if step["op"] == "split_text" and "overlap" in params:
        params["overlap"] = 0
    if params or "params" in step:
        step["params"] = params
    if "when" in step:
        step["when"] = to_first(step["when"])
    if "needs" in step:
        entries = step["needs"][:1]
        step["needs"] = [dict(entry, step="pre") if isinstance(entry, dict) else "pre" for entry in entries]
    retry = step.get("retry", {})
    if "delay_s" in retry and "max_delay_s" in retry:
        low, high = sorted([retry["delay_s"], retry["max_delay_s"]])
        step["retry"] = dict(retry, delay_s=low, max_delay_s=high)
    return step


def ordered(body):
    """A body that is good, if the schema accepts it."""
    steps = [ordered_step(step, number) for number, step in enumerate(body["steps"][:999])]
    body = dict(body, steps=[FIRST, *steps])
    if "run_at" in body:
        body["run_at"] = "2999-12-24T18:00:00Z"
    if "callback_url" in body:
        # A name that is never there; which hosts may be called, no schema says.
        body["callback_url"] = "https://callbacks.invalid/wf"
    if "labels" in body:
        # 64 characters have no more bytes than a label may have.
        body["labels"] = {name: value[:64] for name, value in body["labels"].items()}
    return body


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Clients ignore fields of answers that they do not know. Here each field of an answer must be in the document."""
    for schema in raw_schema["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)


def ordered_schedule(body):
    """A schedule that is good: no schema says which cron expressions and time zones there are."""
    body = dict(body, run=ordered(body["run"]))
    if "cron" in body:
        body["cron"] = "0 2 * * *"
    if "time_zone" in body:
        body["time_zone"] = "UTC"
    if "anchor_ts" in body:
        body["anchor_ts"] = min(body["anchor_ts"], 10**9)
    return body


FILTERS = {"status", "paused", "name", "label", "owner", "error_code", "since", "before", "cursor"}


def ordered_query(operation, query):
    """A query that is good: no schema says which parameters go with which."""
    if operation == "listRuns" and "dead" in query:
        return {name: value for name, value in query.items() if name not in FILTERS}
    if operation.endswith("Runs") and operation != "listRuns" and not FILTERS - {"cursor"} & set(query):
        # All runs of the stack; it is looked at only.
        return dict(query, all="1", dry_run="1")
    return query


@schemathesis.hook
def map_case(context, case):
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.query = ordered_query(case.operation.definition.raw.get("operationId", ""), dict(case.query or {}))
    if case.meta is not None and case.meta.phase.name.value == "stateful" and "Schedule" in case.operation.definition.raw.get("operationId", ""):
        # Another owner's schedule of the same name is another one: it is still there when the first is deleted.
        case.query.pop("owner", None)
    if case.operation.definition.raw.get("operationId") == "putSchedule":
        if case.meta is not None and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
            case.body = ordered_schedule(case.body)
    if case.operation.definition.raw.get("operationId") == "submitRun":
        if case.meta is not None and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
            case.body = ordered(case.body)
            if case.meta.phase.name.value == "stateful":
                # Its status and events are asked for next; a run that waits for hours would keep a stream open.
                for name in ("delay_s", "run_at"):
                    case.body.pop(name, None)
                for step in case.body["steps"]:
                    step.pop("retry", None)
    if case.operation.definition.raw.get("operationId") == "drainWorker" and case.path_parameters:
        # The only worker, once drained, would let every run wait that is submitted later.
        case.path_parameters = dict(case.path_parameters, id="another")
    if case.query and isinstance(case.query.get("wait"), int) and case.query["wait"] > 1:
        # Runs that are delayed for a year would be waited for, a minute each.
        case.query["wait"] = 1
    return case
