"""An HTTP/2 server over TLS that answers the first request of each connection and disappoints the later ones.

    http2_server.py CERTIFICATE KEY DISAPPOINTMENT

It prints its port, and then the number of each connection that a whole request has come over. What becomes of a request after
the first of a connection:

    close    the connection ends without a word
    goaway   a GOAWAY names the first request as the last that is carried out, then the connection ends
    refuse   the stream is reset with REFUSED_STREAM

Source: RFC 9113. Only what a well-behaved client needs is there; headers are not decoded.
"""

import itertools
import socket
import ssl
import struct
import sys
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
REFUSED_STREAM = 0x7
STATUS_200 = b"\x88"  # the eighth entry of HPACK's static table


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def frames(connection):
    """The frames that come in: kind, flags, stream and payload of each."""
    received = connection.makefile("rb")
    if received.read(len(PREFACE)) != PREFACE:
        return
    while len(head := received.read(9)) == 9:
        length = int.from_bytes(head[:3], "big")
        yield head[3], head[4], int.from_bytes(head[5:], "big"), received.read(length)


def serve(connection, number, disappointment):
    connection.sendall(frame(SETTINGS, 0, 0))
    answered = 0
    for kind, flags, stream, payload in frames(connection):
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        if kind not in (HEADERS, DATA) or not flags & END_STREAM:
            continue
        print(number, flush=True)
        if not answered:
            answered = stream
            connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200))
        elif disappointment == "refuse":
            connection.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM)))
        else:
            if disappointment == "goaway":
                connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", answered, 0)))
            return


def accept(connection, context, number, disappointment):
    try:
        with context.wrap_socket(connection, server_side=True) as connection:
            serve(connection, number, disappointment)
    except OSError:
        pass  # the client has left


def main(certificate, key, disappointment):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        for number in itertools.count(1):
            connection, _ = listener.accept()
            threading.Thread(target=accept, args=(connection, context, number, disappointment), daemon=True).start()


main(*sys.argv[1:])
