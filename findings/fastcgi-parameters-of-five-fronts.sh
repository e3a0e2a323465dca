#!/usr/bin/env bash
# Five web servers hand the same HTTP request to a FastCGI application in different ways.
#
# Versions   Debian 12: nginx 1.22.1-9+deb12u11, apache2 2.4.71-1~deb12u1 (mod_proxy_fcgi), lighttpd 1.4.69-1, caddy 2.6.2-5,
#            haproxy 2.6.12-1+deb12u4
# Expected   CONTENT_LENGTH is the number of bytes of the body or missing (RFC 3875, section 4.1.2); a header that comes twice is one
#            parameter, joined with commas (section 4.1.18); REQUEST_URI of an absolute-form request is its path.
# Seen       A chunked body of 5 bytes: caddy says CONTENT_LENGTH=-1 and sends the 5 bytes; the others count them. A header that
#            comes twice: nginx and haproxy send two parameters of one name, the others join the values. Absolute form: apache
#            and haproxy hand over the whole URL as REQUEST_URI.
# So         An application behind any of them reads the body to its end whatever CONTENT_LENGTH says, treats -1 as unknown, refuses
#            a header whose repetition would matter, and strips scheme and authority from REQUEST_URI.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
mkdir "$folder/packages"
(cd "$folder/packages" && apt-get download -qq -o APT::Sandbox::User=root \
    nginx=1.22.1-9+deb12u11 apache2-bin=2.4.71-1~deb12u1 lighttpd=1.4.69-1 caddy=2.6.2-5 haproxy=2.6.12-1+deb12u4 \
    libapr1 libaprutil1 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libxxhash0 libnettle8)
for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder/root"; done
export LD_LIBRARY_PATH="$folder/root/usr/lib/$(uname -m)-linux-gnu"
cat > "$folder/look.py" <<'PY'
import json, os, socket, struct, subprocess, sys, threading, time

folder = sys.argv[1]
root = f"{folder}/root"
seen = []


def exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def pairs(data):
    """The name-value pairs of a PARAMS stream (FastCGI 1.0, section 3.4)."""
    found, at = [], 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            length = data[at]
            at += 1
            if length > 127:
                length = struct.unpack(">I", bytes([length & 127]) + data[at:at + 3])[0]
                at += 3
            lengths.append(length)
        name = data[at:at + lengths[0]].decode()
        value = data[at + lengths[0]:at + sum(lengths)].decode()
        found.append((name, value))
        at += sum(lengths)
    return found


def respond(connection):
    """Reads one request and answers it; notes its parameters and the length of its body."""
    parameters, body = b"", 0
    while True:
        _, kind, request, length, padding, _ = struct.unpack(">BBHHBB", exactly(connection, 8))
        content = exactly(connection, length + padding)[:length]
        if kind == 4:
            parameters += content
        if kind == 5:
            body += length
            if length == 0:
                break
    seen.append((pairs(parameters), body))
    answer = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nfine"
    connection.sendall(struct.pack(">BBHHBB", 1, 6, request, len(answer), 0, 0) + answer
                       + struct.pack(">BBHHBB", 1, 6, request, 0, 0, 0)
                       + struct.pack(">BBHHBB", 1, 3, request, 8, 0, 0) + bytes(8))
    connection.close()


def serve(listener):
    while True:
        try:
            respond(listener.accept()[0])
        except EOFError:
            pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def write(name, text):
    with open(f"{folder}/{name}", "w") as file:
        file.write(text)
    return f"{folder}/{name}"


def nginx(port, application):
    file = write("nginx.conf", f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path {folder}/n1; fastcgi_temp_path {folder}/n2; proxy_temp_path {folder}/n3;
          uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
          server {{
            listen 127.0.0.1:{port};
            location / {{
              fastcgi_pass 127.0.0.1:{application};
              fastcgi_param REQUEST_URI $request_uri; fastcgi_param CONTENT_LENGTH $content_length;
              fastcgi_param REQUEST_METHOD $request_method;
            }}
          }}
        }}""")
    return [f"{root}/usr/sbin/nginx", "-e", "stderr", "-c", file]


def apache(port, application):
    modules = f"{root}/usr/lib/apache2/modules"
    names = ["mpm_event", "authz_core", "proxy", "proxy_fcgi"]
    loads = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names)
    file = write("apache.conf", f"""
{loads}
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
LogLevel crit
Listen 127.0.0.1:{port}
DefaultRuntimeDir {folder}
<IfFile /etc/passwd>
User daemon
Group daemon
</IfFile>
ProxyPass / fcgi://127.0.0.1:{application}/
""")
    return [f"{root}/usr/sbin/apache2", "-DFOREGROUND", "-f", file]


def lighttpd(port, application):
    file = write("lighttpd.conf", f"""
server.document-root = "{folder}"
server.port = {port}
server.bind = "127.0.0.1"
server.modules = ("mod_fastcgi")
fastcgi.server = ("/" => (("host" => "127.0.0.1", "port" => {application}, "check-local" => "disable")))
""")
    return [f"{root}/usr/sbin/lighttpd", "-D", "-m", f"{root}/usr/lib/lighttpd", "-f", file]


def caddy(port, application):
    file = write("Caddyfile", f"""
{{
    admin off
    log {{
        output discard
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{application} {{
        transport fastcgi
    }}
}}
""")
    return [f"{root}/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", file]


def haproxy(port, application):
    file = write("haproxy.cfg", f"""
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 5s
fcgi-app application
    docroot {folder}
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    use-fcgi-app application
    server one 127.0.0.1:{application} proto fcgi
""")
    return [f"{root}/usr/sbin/haproxy", "-db", "-f", file]


def ask(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(text.encode())
        answer = b""
        while not answer.endswith(b"fine") and b"fine\r\n" not in answer and (part := connection.recv(65536)):
            answer += part
    return answer


def last(name):
    parameters, body = seen[-1]
    return [value for key, value in parameters if key == name], body


def look(port):
    close = "Connection: close\r\n"
    ask(port, f"POST /x HTTP/1.1\r\nHost: localhost\r\n{close}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    length, body = last("CONTENT_LENGTH")
    ask(port, f"GET /x HTTP/1.1\r\nHost: localhost\r\n{close}X-Note: one\r\nX-Note: two\r\n\r\n")
    note, _ = last("HTTP_X_NOTE")
    before = len(seen)
    ask(port, f"GET http://localhost/x?a=1 HTTP/1.1\r\nHost: localhost\r\n{close}\r\n")
    uri = last("REQUEST_URI")[0] if len(seen) > before else "refused"
    return {"chunked, 5 bytes": [length, body], "X-Note: one, X-Note: two": note, "absolute form": uri}


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
changed = 0
EXPECTED = json.load(open(f"{folder}/expected.json"))
for front in (nginx, apache, lighttpd, caddy, haproxy):
    port = free_port()
    server = subprocess.Popen(front(port, listener.getsockname()[1]), env=dict(os.environ, HOME=folder))
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                sys.exit(f"{front.__name__} does not start")
            time.sleep(0.05)
    try:
        now = look(port)
    finally:
        server.terminate()
        server.wait()
    print(f"{front.__name__:9} {json.dumps(now)}")
    if now != EXPECTED[front.__name__]:
        print(f"{'':9} was {json.dumps(EXPECTED[front.__name__])}")
        changed = 1
sys.exit(changed)
PY
cat > "$folder/expected.json" <<'JSON'
{
  "nginx": {"chunked, 5 bytes": [["5"], 5], "X-Note: one, X-Note: two": ["one", "two"], "absolute form": ["/x?a=1"]},
  "apache": {"chunked, 5 bytes": [["5"], 5], "X-Note: one, X-Note: two": ["one, two"],
             "absolute form": ["http://localhost/x?a=1"]},
  "lighttpd": {"chunked, 5 bytes": [["5"], 5], "X-Note: one, X-Note: two": ["one, two"], "absolute form": ["/x?a=1"]},
  "caddy": {"chunked, 5 bytes": [["-1"], 5], "X-Note: one, X-Note: two": ["one, two"], "absolute form": ["/x?a=1"]},
  "haproxy": {"chunked, 5 bytes": [["5"], 5], "X-Note: one, X-Note: two": ["one", "two"],
              "absolute form": ["http://localhost/x?a=1"]}
}
JSON
python3 "$folder/look.py" "$folder"
