#!/usr/bin/env bash
# LiteLLM's proxy does not pass the provider's Retry-After on; it renames it, and other headers of the provider with it.
#
# Versions   litellm[proxy] 1.108.7 (PyPI; installs 750 MB), in front of an OpenAI-compatible server that answers 429
# Expected   A client behind the proxy learns from `Retry-After` when to come back, as it would from the provider.
# Seen       The proxy answers 429 without Retry-After and without x-should-retry. Both are there under other names:
#            `llm_provider-retry-after` and `llm_provider-x-should-retry`.
# So         A client that honours Retry-After, the official ones included, falls back to its own backoff behind LiteLLM. It
#            has to read `llm_provider-retry-after` too.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]==1.108.7'
cat > "$folder/look.py" <<'PY'
import http.client, http.server, json, os, socket, subprocess, sys, threading, time

folder = sys.argv[1]
BODY = json.dumps({"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}).encode()
NAMES = ("retry-after", "x-should-retry", "llm_provider-retry-after", "llm_provider-x-should-retry")


class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "7")
        self.send_header("x-should-retry", "true")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *arguments):
        pass


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Authorization": "Bearer sk-proxy-0000"})
    response = connection.getresponse()
    response.read()
    return response.status, {name: response.getheader(name) for name in NAMES if response.getheader(name)}


provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=provider.serve_forever, daemon=True).start()
with open(f"{folder}/config.yaml", "w") as file:
    file.write(f"""
model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: http://127.0.0.1:{provider.server_port}/v1
      api_key: sk-provider-0000
      max_retries: 0
router_settings:
  num_retries: 0
general_settings:
  master_key: sk-proxy-0000
""")
with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]
environment = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", HOME=folder)
log = open(f"{folder}/log", "w")
proxy = subprocess.Popen(
    [f"{folder}/venv/bin/litellm", "--config", f"{folder}/config.yaml", "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"],
    stdout=log, stderr=log, env=environment)
try:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            if time.monotonic() > deadline or proxy.poll() is not None:
                sys.exit("the proxy does not start:\n" + open(f"{folder}/log").read()[-2000:])
            time.sleep(0.2)
    direct, through = ask(provider.server_port, "/v1/chat/completions"), ask(port, "/v1/chat/completions")
finally:
    proxy.terminate()
    proxy.wait()
changed = 0
for name, now, was in [
    ("provider", direct, (429, {"retry-after": "7", "x-should-retry": "true"})),
    ("LiteLLM", through, (429, {"llm_provider-retry-after": "7", "llm_provider-x-should-retry": "true"})),
]:
    print(f"{name:8} {now[0]} {json.dumps(now[1])}")
    if now != was:
        print(f"{'':8} was {was}")
        changed = 1
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/look.py" "$folder"
