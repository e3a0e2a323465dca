"""Loads wf's API over kept FastCGI connections, without a web server: a fixed count of requests, the next one on a
connection as soon as the one before is answered. The parameters are those that nginx sends (nginx/wf-locations.conf).
"""
import contextlib
import itertools
import select
import socket
import time
import uuid
from collections.abc import Iterable

import fastcgi


def submits(body: bytes, count: int) -> Iterable[bytes]:
    return (_request("POST", "/workflow/run", body) for _ in range(count))


def statuses(job: str, count: int) -> Iterable[bytes]:
    return (_request("GET", f"/status/{job}") for _ in range(count))


def exchange(link: socket.socket, request: bytes) -> bytes:
    """Sends a request over a connection, and returns the answer."""
    link.sendall(request)
    answer = b""
    while not fastcgi.is_complete(answer):
        answer += _received(link)
    return answer


def _request(method: str, target: str, body: bytes = b"") -> bytes:
    of_body = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))} if body else {}
    return fastcgi.request({
        "REQUEST_METHOD": method, "REQUEST_URI": target, "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "REQUEST_ID": uuid.uuid4().hex, **of_body}, body)


def load(path: str, requests: Iterable[bytes], expected: bytes, connections: int = 64, limit: float = 120) -> list[bytes]:
    """Sends the requests to the responder on a unix socket; returns the answers in the order in which they came.

    Raises when an answer has another status than the expected (`b"202"`), a connection breaks, or the limit in seconds
    is over.
    """
    pending, answers, deadline = iter(requests), [], time.monotonic() + limit
    with contextlib.ExitStack() as stack:
        events = stack.enter_context(contextlib.closing(select.epoll()))
        links: dict[int, socket.socket] = {}
        received: dict[int, bytes] = {}
        for first in itertools.islice(pending, connections):
            link = stack.enter_context(socket.socket(socket.AF_UNIX))
            link.settimeout(limit)
            link.connect(path)
            events.register(link, select.EPOLLIN)
            links[link.fileno()], received[link.fileno()] = link, b""
            link.sendall(first)
        busy = len(links)
        while busy:
            ready = events.poll(max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{len(answers)} requests were answered within {limit} s")
            for number, _ in ready:
                received[number] += _received(links[number])
                if not fastcgi.is_complete(received[number]):
                    continue
                if b"Status: " + expected not in received[number][:200]:
                    raise RuntimeError(f"a request was answered {received[number][:500]!r}")
                answers.append(received[number])
                received[number] = b""
                if following := next(pending, None):
                    links[number].sendall(following)
                else:
                    busy -= 1
    return answers


def _received(link: socket.socket) -> bytes:
    more = link.recv(1 << 16)
    if not more:
        raise RuntimeError("the API closed a connection before it had answered")
    return more
