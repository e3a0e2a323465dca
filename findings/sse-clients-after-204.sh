#!/usr/bin/env bash
# Four SSE clients do not take a 204 for the end of a stream.
#
# Versions   sseclient 0.0.27, launchdarkly-eventsource 1.7.4 (always_continue), requests-sse 0.5.3, aiohttp-sse-client 0.2.1,
#            httpx-sse 0.4.3 (PyPI)
# Expected   The client reconnects after the stream ends, is answered 204, and stops: WHATWG HTML, section 9.2.1, "clients will
#            reconnect if the connection is closed; a client can be told to stop reconnecting using the HTTP 204 No Content".
# Seen       sseclient and launchdarkly-eventsource reconnect again and again. requests-sse and aiohttp-sse-client reconnect and
#            raise an exception that names status 204. httpx-sse, which never reconnects by itself, ends without an error.
# So         The status code does not tell these users that a run is over. They must stop at the event that says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    httpx==0.28.1 httpx-sse==0.4.3 sseclient==0.0.27 launchdarkly-eventsource==1.7.4 requests-sse==0.5.3 \
    aiohttp-sse-client==0.2.1 requests==2.34.2 aiohttp==3.14.5
cat > "$folder/look.py" <<'PY'
import asyncio, http.server, logging, os, sys, threading

logging.disable()
MANY = 6
# Some of the clients print empty lines.
terminal, sys.stdout = sys.stdout, open(os.devnull, "w")
requests_of = {}
is_repeated = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """The first request of a client gets one event, each later one 204."""

    def do_GET(self):
        requests_of[self.path] = requests_of.get(self.path, 0) + 1
        if requests_of[self.path] == 1:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"retry: 100\nid: 0\ndata: only\n\n")
        else:
            self.send_response(204)
            self.end_headers()
        if requests_of[self.path] == MANY:
            is_repeated.set()

    def log_message(self, *arguments):
        pass


def httpx_sse(url):
    import httpx, httpx_sse
    with httpx.Client() as client, httpx_sse.connect_sse(client, "GET", url) as source:
        yield from source.iter_sse()


def sseclient(url):
    import sseclient
    yield from sseclient.SSEClient(url)


def launchdarkly(url):
    import ld_eventsource
    from ld_eventsource.config import ConnectStrategy, ErrorStrategy
    yield from ld_eventsource.SSEClient(
        ConnectStrategy.http(url), error_strategy=ErrorStrategy.always_continue(), initial_retry_delay=0.1).events


def requests_sse(url):
    import requests_sse
    with requests_sse.EventSource(url) as source:
        yield from source


def aiohttp_sse(url):
    from aiohttp_sse_client.client import EventSource

    async def read():
        async with EventSource(url) as source:
            async for _ in source:
                pass

    asyncio.run(read())
    yield


def end(client, url):
    """How the client's iteration ends; a client that asks for the MANYth time reconnects for good."""
    ends = []

    def read():
        try:
            for _ in client(url):
                pass
            ends.append("ends")
        except Exception as error:
            ends.append("raises, naming 204" if "204" in str(error) else f"raises {error!r}")
        is_repeated.set()

    is_repeated.clear()
    threading.Thread(target=read, daemon=True).start()
    if not is_repeated.wait(60):
        return "is silent for 60 s"
    return ends[0] if ends else "reconnects again and again"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
changed = 0
for client, was in [
    (httpx_sse, "ends"), (requests_sse, "raises, naming 204"), (aiohttp_sse, "raises, naming 204"),
    (sseclient, "reconnects again and again"), (launchdarkly, "reconnects again and again"),
]:
    now = end(client, f"http://127.0.0.1:{server.server_port}/{client.__name__}")
    print(f"{client.__name__:13} {now}", file=terminal)
    if now != was:
        print(f"{'':13} was: {was}", file=terminal)
        changed = 1
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/look.py"
