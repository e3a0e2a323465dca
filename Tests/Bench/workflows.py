"""The workflows that rows submit, apart from the example."""
import json


def chain(length, op="preprocess", name="chain", text="Some text."):
    """Steps that each wait for the one before."""
    params = {"preprocess": {}, "llm_summarize": {"source": "@inputs.text"}}[op]
    steps = [{"id": f"s{number}", "op": op, "params": params, "needs": [f"s{number - 1}"] if number else []}
             for number in range(length)]
    return encode(name, text, steps)


def foreach(count):
    """One step that runs once per item, next to nothing for each."""
    return json.dumps({
        "run_name": "foreach", "inputs": {"items": [f"item {number}" for number in range(count)]},
        "steps": [{"id": "map", "op": "llm_summarize", "foreach": "@inputs.items",
                   "params": {"source": "@item"}}]}).encode()


def fan(width, text="Some text.", op="preprocess"):
    """Steps that wait for none of the others."""
    params = {"preprocess": {}, "llm_summarize": {"source": "@inputs.text"}}[op]
    return encode("fan", text, [{"id": f"s{number}", "op": op, "params": params} for number in range(width)])


def document(size):
    """The three steps of the example over a text of a size in bytes."""
    return encode("document", text(size), [
        {"id": "pre", "op": "preprocess"},
        {"id": "llm", "op": "llm_summarize", "params": {"max_tokens": 100}},
        {"id": "store", "op": "store_result", "params": {"namespace": "summaries"}}])


def text(size):
    """A text of a size in bytes."""
    words = "workflow engines move documents from step to step and back again "
    return (words * (size // len(words) + 1))[:size]


def encode(name, text, steps):
    return json.dumps({"run_name": name, "inputs": {"text": text}, "steps": steps}).encode()
