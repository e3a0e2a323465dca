"""Asks a FastCGI responder whether it keeps connections: one request with FCGI_KEEP_CONN, and does it close?"""
import socket

import fastcgi


def keeps_connections(path):
    """Whether the responder on this unix socket leaves a connection open after it has answered."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        connection.sendall(fastcgi.request({
            "REQUEST_METHOD": "GET", "REQUEST_URI": "/status/health", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1"}))
        answer = b""
        while not fastcgi.is_complete(answer):
            more = connection.recv(1 << 16)
            answer += more
            if not more:
                raise RuntimeError("the FastCGI responder closed before it had answered")
        connection.settimeout(0.5)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True
