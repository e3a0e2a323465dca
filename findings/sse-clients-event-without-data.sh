#!/usr/bin/env bash
# Two SSE clients deliver an event with empty data for a block that holds no data.
#
# Versions   httpx-sse 0.4.3 with httpx 0.28.1, sseclient 0.0.27, requests-sse 0.5.3 (PyPI)
# Expected   A block with `retry:` alone and a heartbeat (a comment and a blank line) make no event: WHATWG HTML, section 9.2.6,
#            "if the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return".
# Seen       httpx-sse and sseclient deliver an event with data "" for each of the two blocks; requests-sse does not.
# So         A client that parses each event's data as JSON fails at the first heartbeat. A server avoids it: `retry:` in the block of
#            the first event, and a heartbeat of one comment line without a blank line after it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    httpx==0.28.1 httpx-sse==0.4.3 sseclient==0.0.27 requests-sse==0.5.3 requests==2.34.2
cat > "$folder/look.py" <<'PY'
import http.server, json, sys, threading

PLAIN = b"retry: 60000\n\nid: 0\ndata: first\n\n: heartbeat\n\nid: 1\ndata: second\n\n"
JOINED = b"retry: 60000\nid: 0\ndata: first\n\n: heartbeat\nid: 1\ndata: second\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(PLAIN if self.path == "/plain" else JOINED)

    def log_message(self, *arguments):
        pass


def httpx_sse(url):
    import httpx, httpx_sse
    with httpx.Client() as client, httpx_sse.connect_sse(client, "GET", url) as source:
        for event in source.iter_sse():
            yield event.data


def sseclient(url):
    import sseclient
    for event in sseclient.SSEClient(url):
        yield event.data


def requests_sse(url):
    import requests_sse
    with requests_sse.EventSource(url) as source:
        for event in source:
            yield event.data


def delivered(client, url):
    """The data of all events up to the last real one."""
    found = []
    for data in client(url):
        found.append(data)
        if data == "second":
            break
    return found


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
changed = 0
for client, expected in [
    (httpx_sse, ["", "first", "", "second"]), (sseclient, ["", "first", "", "second"]),
    (requests_sse, ["first", "second"]),
]:
    for path, was in (("plain", expected), ("joined", ["first", "second"])):
        now = delivered(client, f"http://127.0.0.1:{server.server_port}/{path}")
        print(f"{client.__name__:13} {path:7} {json.dumps(now)}")
        if now != was:
            print(f"{'':21} was {json.dumps(was)}")
            changed = 1
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/look.py"
