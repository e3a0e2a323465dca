#!/usr/bin/env bash
# nginx answers 413 in place of any other error when the body was larger than the limit of the error page's location.
#
# Versions   nginx 1.22.1-9+deb12u11 (Debian 12)
# Expected   A location with client_max_body_size 4m takes a body of 2 MB. Its upstream is away, so the answer is the error page of
#            the 502: the body has been read and accepted by then.
# Seen       With `error_page 502 /away`, whose location has the default limit of 1m, the answer is 413 and nginx's own HTML. A small
#            body gets the error page, and so does the large one once the page's location has client_max_body_size 0.
# So         The target of every error_page needs client_max_body_size 0 (or the highest limit of all locations that lead to it).
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
mkdir "$folder/packages"
(cd "$folder/packages" && apt-get download -qq -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11)
dpkg -x "$folder"/packages/nginx_*.deb "$folder/root"
chmod 755 "$folder"
cat > "$folder/look.py" <<'PY'
import http.client, socket, subprocess, sys, time

folder = sys.argv[1]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


port, nobody = free_port(), free_port()
with open(f"{folder}/nginx.conf", "w") as file:
    file.write(f"""
    daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
    events {{}}
    http {{
      access_log off;
      client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
      uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
      server {{
        listen 127.0.0.1:{port};
        location /a {{ client_max_body_size 4m; proxy_pass http://127.0.0.1:{nobody}; error_page 502 /away; }}
        location /b {{ client_max_body_size 4m; proxy_pass http://127.0.0.1:{nobody}; error_page 502 /away-any; }}
        location = /away {{ internal; return 502 "away"; }}
        location = /away-any {{ internal; client_max_body_size 0; return 502 "away"; }}
      }}
    }}""")
server = subprocess.Popen([f"{folder}/root/usr/sbin/nginx", "-e", "stderr", "-c", f"{folder}/nginx.conf"])


def post(path, size):
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", path, b"x" * size)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline or server.poll() is not None:
                sys.exit("nginx does not start")
            time.sleep(0.05)
    response = connection.getresponse()
    body = response.read()
    return response.status, "the page" if body == b"away" else "HTML" if b"<html>" in body else body


changed = 0
try:
    for name, path, size, was in [
        ("small body", "/a", 1_000, (502, "the page")), ("2 MB", "/a", 2_000_000, (413, "HTML")),
        ("2 MB, page without a limit", "/b", 2_000_000, (502, "the page")),
    ]:
        now = post(path, size)
        print(f"{name:27} {now[0]} {now[1]}")
        if now != was:
            print(f"{'':27} was {was}")
            changed = 1
finally:
    server.terminate()
    server.wait()
sys.exit(changed)
PY
python3 "$folder/look.py" "$folder"
