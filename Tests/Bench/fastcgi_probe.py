"""Asks a FastCGI responder whether it keeps connections: one request with FCGI_KEEP_CONN, and does it close?"""
import socket
import struct

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN = 1, 3, 4, 5
RESPONDER, KEEP_CONNECTION = 1, 1


def keeps_connections(path):
    """Whether the responder on this unix socket leaves a connection open after it has answered."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        parameters = b"".join(
            bytes([len(name), len(value)]) + name + value
            for name, value in [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/status/health"),
                                (b"REMOTE_ADDR", b"127.0.0.1"), (b"HTTP_HOST", b"localhost"), (b"SERVER_PROTOCOL", b"HTTP/1.1")])
        connection.sendall(
            _record(BEGIN_REQUEST, struct.pack("!HB5x", RESPONDER, KEEP_CONNECTION)) + _record(PARAMS, parameters)
            + _record(PARAMS, b"") + _record(STDIN, b""))
        stream = connection.makefile("rb")
        while True:
            head = stream.read(8)
            if len(head) < 8:
                raise RuntimeError("the FastCGI responder closed before it had answered")
            _, kind, _, length, padding = struct.unpack("!BBHHBx", head)
            stream.read(length + padding)
            if kind == END_REQUEST:
                break
        connection.settimeout(0.5)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True


def _record(kind, content):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content
