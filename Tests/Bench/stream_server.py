"""A model server of the bench's own: streams OpenAI's chat completions wire to all calls at one pace.

    python stream_server.py PORT-FILE

It listens on a port of 127.0.0.1, which it writes to the file PORT-FILE. A call gets the head of a stream at once, and
then waits. `GET /calls` says how many wait; `GET /write?count=N&rate=R` gives each of them N tokens, R a second, the calls
spread over the time between two, and is answered when all are written; `GET /finish` ends all calls.
"""
import asyncio
import json
import sys
import urllib.parse

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
SLICES = 50  # of the calls, one after another within the time of a token


def event(delta, reason="null", more=""):
    data = ('data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench",'
            f'"choices":[{{"index":0,"delta":{json.dumps(delta)},"finish_reason":{reason}}}]{more}}}\n\n').encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


ROLE = event({"role": "assistant", "content": ""})
END = event({}, '"stop"', ',"usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23}')
END += b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Calls(asyncio.Protocol):
    """One connection; requests follow one another (HTTP/1.1 keep-alive)."""

    waiting = []

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""

    def data_received(self, data):
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                       if line.lower().startswith(b"content-length:")), 0)
        if not found or len(rest) < length:
            return
        self.buffer = b""
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        if method == "POST":
            self.transport.write(HEAD + ROLE)
            Calls.waiting.append(self.transport)
        else:
            asyncio.get_running_loop().create_task(self._control(urllib.parse.urlsplit(target)))

    async def _control(self, target):
        count = b"%d" % len(Calls.waiting)
        if target.path == "/write":
            options = urllib.parse.parse_qs(target.query)
            await write(int(options["count"][0]), float(options["rate"][0]))
        elif target.path == "/finish":
            for transport in Calls.waiting:
                transport.write(END)
            Calls.waiting = []
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(count), count))


async def write(count, rate):
    """Writes tokens to all calls: each slice of the calls has its own moment between two tokens."""
    loop = asyncio.get_running_loop()
    slices = [Calls.waiting[number::SLICES] for number in range(SLICES)]
    begin = loop.time()
    for token in range(count):
        text = event({"content": f" word{token % 10}"})
        for number, transports in enumerate(slices):
            wait = begin + (token + number / SLICES) / rate - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            for transport in transports:
                transport.write(text)


async def serve(port_file):
    server = await asyncio.get_running_loop().create_server(Calls, "127.0.0.1", 0, backlog=2048)
    with open(port_file, "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
