"""LiteLLM's proxy on loopback in front of llmock, until standard input ends; prints their base URLs, then "ready".

The proxy's key is "sk-proxy"; the model "mock" is llmock's, and LiteLLM makes no tries of its own.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(name, *arguments):
    command = [os.path.join(os.path.dirname(sys.executable), name), *arguments]
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command, stdout=sys.stderr)


def wait(url):
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"{url} does not answer")
            time.sleep(0.1)


with tempfile.TemporaryDirectory() as folder:
    mock, proxy = free_port(), free_port()
    model = {"model": "openai/gpt-4o-mini", "api_base": f"http://127.0.0.1:{mock}/v1", "api_key": "k"}
    # An o-series model, whose parameters LiteLLM checks itself.
    strict = dict(model, model="openai/o3-mini")
    configuration = {
        "model_list": [{"model_name": "mock", "litellm_params": model}, {"model_name": "strict", "litellm_params": strict}],
        "general_settings": {"master_key": "sk-proxy"},
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    path = os.path.join(folder, "configuration.yaml")
    with open(path, "w") as file:
        json.dump(configuration, file)  # JSON is YAML
    parts = [
        start("llmock", "serve", "--port", str(mock)),
        start("litellm", "--config", path, "--host", "127.0.0.1", "--port", str(proxy)),
    ]
    try:
        wait(f"http://127.0.0.1:{mock}/_llmock/requests")
        wait(f"http://127.0.0.1:{proxy}/health/liveliness")
        print("llmock", f"http://127.0.0.1:{mock}/v1")
        print("litellm", f"http://127.0.0.1:{proxy}/v1")
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait()
