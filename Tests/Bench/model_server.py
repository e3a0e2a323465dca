"""A model server of the bench's own: answers OpenAI's chat completions wire after a fixed delay.

    python model_server.py PORT-FILE DELAY JITTER

It listens on a port of 127.0.0.1, which it writes to the file PORT-FILE, holds any number of requests at once, and
answers each DELAY seconds after it came, plus or minus up to JITTER. What it costs must not show in the row that is
measured: it parses no more than it must.
"""
import asyncio
import random
import sys

import uvloop

ANSWER = (b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"bench",'
          b'"choices":[{"index":0,"message":{"role":"assistant","content":"A summary."},"finish_reason":"stop"}],'
          b'"usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23}}')
RESPONSE = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)) + ANSWER


class Completions(asyncio.Protocol):
    """One connection; requests follow one another (HTTP/1.1 keep-alive)."""

    def __init__(self, delay, jitter):
        self.delay, self.jitter = delay, jitter
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            length = self._body_length(head) if found else 0
            if not found or len(rest) < length:
                return
            self.buffer = rest[length:]
            pause = self.delay + random.uniform(-self.jitter, self.jitter)
            asyncio.get_running_loop().call_later(pause, self._answer)

    def _body_length(self, head):
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
            if name.lower() == b"expect":
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return 0

    def _answer(self):
        if not self.transport.is_closing():
            self.transport.write(RESPONSE)


async def serve(port_file, delay, jitter):
    server = await asyncio.get_running_loop().create_server(
        lambda: Completions(delay, jitter), "127.0.0.1", 0, backlog=2048)
    with open(port_file, "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
