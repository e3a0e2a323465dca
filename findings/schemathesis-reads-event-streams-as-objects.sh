#!/usr/bin/env bash
# Schemathesis checks the schema of a `text/event-stream` answer against each event, as an object.
#
# Version    schemathesis 4.32.5 (PyPI)
# Expected   In OpenAPI 3.1 the schema of a media type describes the whole body; a stream of events is a text: `type: string`.
# Seen       With `type: string` an answer of one good event fails `response_schema_conformance`: {"data":"hello","event":"message"} is
#            not of type "string". With a schema of an object that requires `data` the same answer passes.
# So         A document that is to pass describes the events of its streams as objects with `data`, `event`, `id` and `retry`.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5
cat > "$folder/serve.py" <<'PY'
import http.server
import json

SCHEMAS = {"/text": {"type": "string"},
           "/object": {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}}


def document(path):
    content = {"text/event-stream": {"schema": SCHEMAS[path]}}
    answers = {"200": {"description": "Events.", "content": content}}
    return {"openapi": "3.1.0", "info": {"title": "stream", "version": "1"},
            "paths": {path: {"get": {"operationId": "stream", "responses": answers}}}}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith(".json"):
            body, kind = json.dumps(document(self.path.removesuffix(".json"))).encode(), "application/json"
        else:
            body, kind = b"data: hello\n\n", "text/event-stream"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
mkfifo "$folder/port"
python3 "$folder/serve.py" > "$folder/port" &
server=$!
read -r port < "$folder/port"

check() {
    (cd "$folder" && venv/bin/st run "http://127.0.0.1:$port/$1.json" --checks response_schema_conformance --max-examples 1 \
        --phases fuzzing > "$1.log" 2>&1) && echo passes || echo fails
}

seen="text $(check text), object $(check object)"
echo "$seen"
grep -m1 "is not of type" "$folder/text.log" || true
if [ "$seen" = "text fails, object passes" ] && grep -q "is not of type" "$folder/text.log"; then
    echo "as described"
else
    echo "it has changed"
    tail -20 "$folder/text.log" "$folder/object.log"
    exit 1
fi
