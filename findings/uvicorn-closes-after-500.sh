#!/usr/bin/env bash
# uvicorn closes the connection after the 500 of an unhandled exception, but does not announce it.
#
# Versions   uvicorn 0.54.0 with httptools 0.8.0 and with h11 0.16.0, starlette 1.10.0 (PyPI): the server below FastAPI, LiteLLM,
#            llama-cpp-python and `transformers serve`
# Expected   An HTTP/1.1 answer without `Connection: close` keeps the connection (RFC 9112, section 9.3), or it is announced.
# Seen       The 500 is complete, its head has no Connection header, and the server closes the connection after it. A 500 that the
#            application returns itself keeps the connection. Both protocol implementations do this.
# So         A client that reuses the connection meets a reset on its next request. That request must be repeatable, or the
#            client must take every 500 for the end of its connection.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 starlette==1.10.0 httptools==0.8.0 h11==0.16.0
cat > "$folder/look.py" <<'PY'
import http.client, socket, sys, threading, time
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def raises(request):
    raise ValueError("a fault of the application")


async def answers(request):
    return PlainTextResponse("Internal Server Error", status_code=500)


application = Starlette(routes=[Route("/raises", raises), Route("/answers", answers)])


def end(port, path):
    """What the client sees on its connection after the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    head = f"{response.status}, Connection: {response.getheader('Connection')}"
    try:
        return f"{head}, then {'closed' if connection.sock.recv(1) == b'' else 'bytes'}"
    except TimeoutError:
        return f"{head}, then kept"


changed = 0
for http_implementation in ("httptools", "h11"):
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, http=http_implementation, log_level="critical"))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            sys.exit("uvicorn is not ready after 20 s")
        time.sleep(0.05)
    port = listener.getsockname()[1]
    for path, was in (("/raises", "500, Connection: None, then closed"), ("/answers", "500, Connection: None, then kept")):
        now = end(port, path)
        print(f"{http_implementation:9} {path:8} {now}")
        if now != was:
            print(f"{'':18} was: {was}")
            changed = 1
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/look.py"
