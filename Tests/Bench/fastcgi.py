"""FastCGI from the web server's side: how a request looks on the wire, and when an answer is complete."""
import struct

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN = 1, 3, 4, 5
RESPONDER, KEEP_CONNECTION = 1, 1
LONGEST = 0xFFF8  # bytes of content in one record

# The head of a record that ends request 1: libfcgi sends 8 bytes after it, and nothing more.
END = struct.pack("!BBHHBx", 1, END_REQUEST, 1, 8, 0)


def request(parameters: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request, number 1 of a connection that is to be kept."""
    pairs = b"".join(_pair(name.encode(), value.encode()) for name, value in parameters.items())
    begin = record(BEGIN_REQUEST, struct.pack("!HB5x", RESPONDER, KEEP_CONNECTION))
    return begin + stream(PARAMS, pairs) + stream(STDIN, body)


def stream(kind: int, content: bytes) -> bytes:
    """Content in as many records as it needs, and the empty one that ends it."""
    parts = [content[first:first + LONGEST] for first in range(0, len(content), LONGEST)]
    return b"".join(record(kind, part) for part in [*parts, b""])


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def is_complete(answer: bytes) -> bool:
    """Whether what has been received of an answer ends with its last record."""
    return answer[-16:-8] == END


def _pair(name: bytes, value: bytes) -> bytes:
    lengths = (bytes([length]) if length < 128 else struct.pack("!I", length | 1 << 31)
               for length in (len(name), len(value)))
    return b"".join(lengths) + name + value
