#!/usr/bin/env bash
# llama.cpp calls a response "completed" that it has cut at max_output_tokens; its other two APIs say that it was cut.
#
# Versions   xllamacpp 2026.10.11549 (PyPI; llama.cpp's own server in a wheel), gguf 0.19.0, with random weights, which never end
# Expected   POST /v1/responses with `max_output_tokens` ends as OpenAI's reference says: `status` "incomplete" and
#            `incomplete_details.reason` "max_output_tokens", in a stream the event `response.incomplete`.
# Seen       `status` is "completed", `incomplete_details` is absent, and the stream ends with `response.completed`. The same server
#            answers chat completions with `finish_reason` "length" and messages with `stop_reason` "max_tokens".
# So         A client cannot tell a cut text by what the response says of itself. It must compare the count of output tokens with
#            the limit that it has asked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xllamacpp==2026.10.11549 gguf==0.19.0
cat > "$folder/look.py" <<'PY'
import json, os, sys, urllib.request
import llama_server, tiny_model

server, port = llama_server.start_llama(os.path.dirname(__file__), "model", tiny_model.PLAIN)
llama_server.wait(f"http://127.0.0.1:{port}/health")


def post(path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


messages = [{"role": "user", "content": "hi"}]
plain = json.loads(post("/v1/responses", {"model": "m", "input": "hi", "max_output_tokens": 8}))
stream = post("/v1/responses", {"model": "m", "input": "hi", "max_output_tokens": 8, "stream": True})
last = json.loads([line for line in stream.splitlines() if line.startswith("data: {")][-1][6:])
chat = json.loads(post("/v1/chat/completions", {"model": "m", "messages": messages, "max_tokens": 8}))
anthropic = json.loads(post("/v1/messages", {"model": "m", "messages": messages, "max_tokens": 8}))
seen = {
    "responses": (plain["status"], plain.get("incomplete_details"), plain["usage"]["output_tokens"]),
    "responses, streamed": (last["type"], last["response"]["status"], last["response"].get("incomplete_details")),
    "chat completions": (chat["choices"][0]["finish_reason"], chat["usage"]["completion_tokens"]),
    "messages": (anthropic["stop_reason"], anthropic["usage"]["output_tokens"]),
}
was = {
    "responses": ("completed", None, 8), "responses, streamed": ("response.completed", "completed", None),
    "chat completions": ("length", 8), "messages": ("max_tokens", 8),
}
changed = 0
for name, now in seen.items():
    print(f"{name:20} {now}")
    if now != was[name]:
        print(f"{'':20} was: {was[name]}")
        changed = 1
sys.stdout.flush()
os._exit(changed)  # the server's threads do not end by themselves
PY
PYTHONPATH="$here/../Tests/RealModels" "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log" || { status=$?; tail -5 "$folder/log"; exit $status; }
