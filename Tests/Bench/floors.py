"""Compiles the C floors in floor/, and writes the templates that they send (captured_commands.py)."""
import os
import subprocess

import captured_commands
from services import HERE, ROOT

BUILT = os.path.join(ROOT, ".build/bench-floor")


def build():
    """Compiles both floors, with optimisation as wf's own release build has it."""
    os.makedirs(BUILT, exist_ok=True)
    for name, libraries in {"submit_floor": ["-lfcgi", "-lhiredis", "-lpthread"], "drain_floor": ["-lhiredis"]}.items():
        source = os.path.join(HERE, "floor", f"{name}.c")
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program(name), source, *libraries]
        subprocess.run(command, check=True)


def program(name):
    return os.path.join(BUILT, name)


def write_template(folder, name, words, whole=True):
    """Writes a captured command, or words of one, as the C programs read it; returns the file."""
    path = os.path.join(folder, f"{name}.resp")
    with open(path, "wb") as file:
        file.write(captured_commands.resp(words) if whole else captured_commands.resp_words(words))
    return path
