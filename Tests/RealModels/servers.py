"""Real model servers on loopback, until standard input ends; prints their names and base URLs, one a line, then "ready".

llama.cpp's own server (xllamacpp) with a model that thinks and with one that does not, and llmock, which fails as it is told
and judges how its client took it.
"""

import os
import subprocess
import sys
import tempfile

import tiny_model
from llama_server import free_port, start_llama, wait

with tempfile.TemporaryDirectory() as folder:
    servers = {name: start_llama(folder, name, template)
               for name, template in (("thinking", tiny_model.THINKING), ("plain", tiny_model.PLAIN))}
    mock_port = free_port()
    command = [os.path.join(os.path.dirname(sys.executable), "llmock"), "serve", "--port", str(mock_port)]
    mock = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command, stdout=sys.stderr)
    try:
        for name, (_, port) in servers.items():
            wait(f"http://127.0.0.1:{port}/health")
            print(name, f"http://127.0.0.1:{port}/v1")
        wait(f"http://127.0.0.1:{mock_port}/_llmock/requests")
        print("llmock", f"http://127.0.0.1:{mock_port}/v1")
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        mock.terminate()
        mock.wait()

# llama.cpp's threads do not end by themselves.
sys.stdout.flush()
os._exit(0)
