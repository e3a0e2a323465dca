#!/usr/bin/env bash
# A newer libcurl takes percent-encoded dots out of a path, so a resource named ".." can no longer be asked for by its URL.
#
# Versions   libcurl 8.12.1 (pycurl 7.45.6) and 8.16.0 (pycurl 7.45.7), from PyPI
# Expected   The path of /stores/%2E%2E/items goes to the server as it is written, as with every libcurl before: the client has
#            encoded the name of a store, and only "." and ".." as such are dot segments (RFC 3986, section 5.2.4, works on the
#            text of the path).
# Seen       8.12.1 sends /stores/%2E%2E/items. 8.16.0 sends /items, and / for /stores/%2E%2E; with CURLOPT_PATH_AS_IS both
#            send what is written. The same program reaches another resource after an upgrade of the library.
# So         A client that puts names of others into paths sets CURLOPT_PATH_AS_IS, and encodes the names itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/look.py" <<'PY'
import http.server, io, threading, pycurl

paths = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for path in ["/stores/%2E%2E/items", "/stores/%2E%2E"]:
    for as_is in [0, 1]:
        call = pycurl.Curl()
        call.setopt(pycurl.URL, f"http://127.0.0.1:{server.server_port}{path}")
        call.setopt(pycurl.PATH_AS_IS, as_is)
        call.setopt(pycurl.WRITEDATA, io.BytesIO())
        call.perform()
        call.close()
        print(path, "as is:" if as_is else "by default:", paths[-1])
PY
"$folder/venv/bin/pip" install --quiet --target "$folder/7.45.6" --only-binary :all: pycurl==7.45.6
"$folder/venv/bin/pip" install --quiet --target "$folder/7.45.7" --only-binary :all: pycurl==7.45.7
look() {  # VERSION OF PYCURL, VERSION OF LIBCURL
    PYTHONPATH="$folder/$1" "$folder/venv/bin/python" -c "import pycurl; print(pycurl.version_info()[1])" | grep -q "^$2"
    PYTHONPATH="$folder/$1" "$folder/venv/bin/python" "$folder/look.py"
}
older=$(look 7.45.6 8.12.1)
newer=$(look 7.45.7 8.16.0)
printf 'libcurl 8.12.1\n%s\nlibcurl 8.16.0\n%s\n' "$older" "$newer"
diff <(echo "$older") - <<'SEEN'
/stores/%2E%2E/items by default: /stores/%2E%2E/items
/stores/%2E%2E/items as is: /stores/%2E%2E/items
/stores/%2E%2E by default: /stores/%2E%2E
/stores/%2E%2E as is: /stores/%2E%2E
SEEN
diff <(echo "$newer") - <<'SEEN'
/stores/%2E%2E/items by default: /items
/stores/%2E%2E/items as is: /stores/%2E%2E/items
/stores/%2E%2E by default: /
/stores/%2E%2E as is: /stores/%2E%2E
SEEN
