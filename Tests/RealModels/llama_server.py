"""llama.cpp's own server (xllamacpp) on loopback, with a model that `tiny_model` writes."""

import os
import socket
import sys
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
