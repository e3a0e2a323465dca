#!/usr/bin/env bash
# libcurl sends a POST again by itself when a kept connection ends before the first byte of the answer.
#
# Versions   curl and libcurl4 7.88.1-10+deb12u15 (Debian 12)
# Expected   RFC 9110, section 9.2.2: a user agent does not repeat a request with a method that is not idempotent by itself, unless
#            it knows that the first one was not carried out. A server that reads a whole POST and then closes the connection may
#            have carried it out; the transfer fails.
# Seen       On a new connection the transfer fails (exit 52). On a connection that has carried a request before, the same POST is
#            sent once more on a new connection, and the transfer succeeds: three POSTs for two transfers. A body that libcurl cannot
#            rewind, from a pipe, is not sent again (exit 65).
# So         Who counts or spaces out POSTs, or pays for them, hands the body over by CURLOPT_READFUNCTION without a seek function, so
#            that libcurl fails with CURLE_SEND_FAIL_REWIND, and decides about a repetition itself. An option is proposed in
#            https://github.com/curl/curl/pull/18417.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
mkdir "$folder/packages"
(cd "$folder/packages" && apt-get download -qq -o APT::Sandbox::User=root \
    curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15)
for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder/root"; done
export LD_LIBRARY_PATH="$folder/root/usr/lib/$(uname -m)-linux-gnu"
cat > "$folder/look.py" <<'PY'
import os, socket, subprocess, sys, threading

curl = sys.argv[1] + "/root/usr/bin/curl"
posts = []


def serve(connection, answers):
    """Answers so many requests of a connection, and reads one more before it closes."""
    received = connection.makefile("rb")
    with connection, received:
        for number in range(answers + 1):
            length = None
            while (line := received.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if line == b"":
                return
            if length is None:
                while (size := int(received.readline(), 16)) > 0:
                    received.read(size + 2)
                received.readline()
            else:
                received.read(length)
            posts.append(number)
            if number < answers:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def accept(listener, answers):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, answers), daemon=True).start()


def transfers(answers, *arguments):
    """Exit code of curl and the POSTs that arrived."""
    posts.clear()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, answers), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        reading, writing = os.pipe()
        os.write(writing, b"x")
        os.close(writing)
        command = [curl, "-q", "-s", "-o", os.devnull, "--noproxy", "*", "-m", "20"]
        for part in arguments:
            command += [url if word == "URL" else word for word in part]
        code = subprocess.run(command, stdin=reading, timeout=60).returncode
        os.close(reading)
    return code, len(posts)


post = ["-d", "x", "URL"]
piped = ["-X", "POST", "-T", "-", "-H", "Expect:", "-o", os.devnull, "URL"]
again = ["--next", "-s", "--noproxy", "*", "-m", "20", "-o", os.devnull]
changed = 0
for name, now, was in [
    ("new connection", transfers(0, post), (52, 1)),
    ("kept connection", transfers(1, post, again, post), (0, 3)),
    ("kept connection, body from a pipe", transfers(1, post, again, piped), (65, 2)),
]:
    print(f"{name:34} exit {now[0]}, {now[1]} POSTs")
    if now != was:
        print(f"{'':34} was exit {was[0]}, {was[1]} POSTs")
        changed = 1
sys.exit(changed)
PY
python3 "$folder/look.py" "$folder"
