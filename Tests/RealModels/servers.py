"""Real model servers on loopback, until standard input ends; prints their names and base URLs, one a line, then "ready".

llama.cpp's own server (xllamacpp) with a model that thinks and with one that does not, and llmock, which fails as it is told
and judges how its client took it.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import tiny_model


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_llama(folder, name, template):
    import xllamacpp

    path = os.path.join(folder, name + ".gguf")
    tiny_model.write(path, template)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = free_port()
    parameters.n_ctx = tiny_model.CONTEXT
    parameters.n_parallel = 1
    parameters.use_jinja = True
    parameters.n_gpu_layers = 0
    # It lives as long as this process does.
    return xllamacpp.Server(parameters), parameters.port


def wait(url):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"{url} does not answer")
            time.sleep(0.05)


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
