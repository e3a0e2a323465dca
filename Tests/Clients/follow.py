"""Follows a run with a real client of event streams: follow.py CLIENT URL

Prints a line of JSON for each event that the client hands out: its id, its type and its data as the client gives them. It
ends at the terminal status. Clients that do not come back by themselves are called again, with the last id.
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(sys.prefix)


def emit(identity, kind, data):
    print(json.dumps({"id": identity, "event": kind or "message", "data": data}), flush=True)
    return kind == "status" and json.loads(data)["status"] in ("finished", "failed")


def again(read):
    """Reads streams one after the other, each from the last id on, until the terminal status."""

    def follow(url):
        last = None
        while True:
            for event in read(url, {"Last-Event-ID": last} if last else {}):
                last = event.id or last
                if emit(event.id, event.event, event.data):
                    return
            time.sleep(0.2)

    return follow


def httpx_sse(url, headers):
    import httpx
    import httpx_sse

    with httpx.Client(timeout=None) as client:
        try:
            with httpx_sse.connect_sse(client, "GET", url, headers=headers) as source:
                yield from source.iter_sse()
        except httpx.TransportError:
            pass


def sseclient_py(url, headers):
    sys.path.insert(0, str(HERE / "sseclient-py"))
    import requests
    import sseclient

    try:
        response = requests.get(url, stream=True, headers=headers)
        yield from sseclient.SSEClient(response).events()
    except requests.RequestException:
        pass


def aiosseclient(url, headers):
    import aiosseclient as module

    async def collect(last):
        async for event in module.aiosseclient(url, last_id=last):
            yield event

    loop = asyncio.new_event_loop()
    stream = collect(headers.get("Last-Event-ID"))
    while True:
        try:
            yield loop.run_until_complete(anext(stream))
        except StopAsyncIteration:
            return


def sseclient(url):
    import sseclient as module

    # On a connection that is kept it does not notice the end of the stream.
    for event in module.SSEClient(url, headers={"Connection": "close"}):
        if emit(event.id, event.event, event.data):
            return


def requests_sse(url):
    import requests_sse as module

    with module.EventSource(url, timeout=None, max_connect_retry=20) as source:
        for event in source:
            if emit(event.last_event_id, event.type, event.data):
                return


PAGE = """<script>
const source = new EventSource("%s");
const tell = event => console.log("event " + JSON.stringify(
    {id: event.lastEventId, event: event.type, data: event.data}) + " end");
source.onmessage = tell;
source.addEventListener("status", tell);
source.onerror = () => { if (source.readyState == EventSource.CLOSED) console.log("event closed end"); };
</script>"""


def chromium(url):
    """Ends when the browser has closed the source for good, which a 204 tells it to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = pathlib.Path(folder) / "page.html"
        page.write_text(PAGE % url)
        # A page from a file: those of wf have scripts of their own.
        browser = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-web-security", "--no-proxy-server", f"--user-data-dir={folder}/data",
             "--enable-logging=stderr", page.as_uri()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        for line in browser.stderr:
            if '"event ' not in line:
                continue
            text = line.split('"event ', 1)[1].rsplit(" end", 1)[0]
            if text == "closed":
                break
            event = json.loads(text)
            emit(event["id"], event["event"], event["data"])
        browser.kill()
        browser.wait()


CLIENTS = {
    "httpx-sse": again(httpx_sse), "sseclient-py": again(sseclient_py), "aiosseclient": again(aiosseclient),
    "sseclient": sseclient, "requests-sse": requests_sse, "chromium": chromium,
}

CLIENTS[sys.argv[1]](sys.argv[2])
