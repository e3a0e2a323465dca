"""The services that are measured: Redis, nginx, wf's API and worker, and the peers' API and worker.

All Redis servers run with the same settings (REDIS_SETTINGS, printed with the results): those of `wf dev`, but without
rewrites of the append-only file, which would fall into some rounds and not into others. Everything listens on unix
sockets in a temporary folder; only nginx, because of wrk, on ports of 127.0.0.1.
"""
import os
import socket
import urllib.request

import redis

from processes import Process, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WF = os.path.join(ROOT, ".build/release/wf")
VENVS = os.path.join(ROOT, ".build/bench-venv")

REDIS_SETTINGS = {
    "save": "", "appendonly": "yes", "appendfsync": "everysec", "auto-aof-rewrite-percentage": "0",
    "maxmemory-policy": "noeviction", "maxclients": "8192",
}


def python(environment):
    """The interpreter of one of the virtual environments: `arq` or `queues`."""
    return os.path.join(VENVS, environment, "bin/python")


class Redis(Process):
    """A Redis server of its own."""

    def __init__(self, folder, name="redis", port=0, more=()):
        data = os.path.join(folder, f"{name}-data")
        os.makedirs(data, exist_ok=True)
        self.socket = os.path.join(folder, f"{name}.sock")
        settings = [word for key, value in REDIS_SETTINGS.items() for word in (f"--{key}", value)]
        super().__init__(
            name, ["redis-server", "--port", port, "--unixsocket", self.socket, "--dir", data, *settings, *more], folder)
        self.client = redis.Redis(unix_socket_path=self.socket)
        wait_until(self._answers, 30, f"{name} answers", [self])

    def _answers(self):
        try:
            return self.client.ping()
        except redis.exceptions.ConnectionError:
            return False

    def flush(self):
        """Empties the data; the scripts stay loaded."""
        self.client.flushall(asynchronous=False)

    @property
    def wf_url(self):
        return f"redis+unix://{self.socket}"

    @property
    def url(self):
        """The address as redis-py and its like write it."""
        return f"unix://{self.socket}"


def listens(path):
    """Whether something accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


class WfAPI(Process):
    """`wf api` with its defaults; of this build, or of another binary."""

    def __init__(self, folder, redis_server, name="wf-api", binary=WF, **settings):
        self.socket = os.path.join(folder, f"{name}.sock")
        super().__init__(
            name, [binary, "api", "--socket", self.socket], folder, {"REDIS_URL": redis_server.wf_url, **settings})
        wait_until(lambda: listens(self.socket), 30, f"{name} listens", [self])


class WfWorker(Process):
    """`wf worker` with its defaults, and settings for this measurement; of this build, or of another binary."""

    def __init__(self, folder, redis_server, name="wf-worker", binary=WF, **settings):
        super().__init__(name, [binary, "worker"], folder, {"REDIS_URL": redis_server.wf_url, **settings})


class Uvicorn(Process):
    """The peer's API: FastAPI on uvicorn with uvloop and httptools, without an access log."""

    def __init__(self, folder, redis_server, name="uvicorn", workers=1):
        self.socket = os.path.join(folder, f"{name}.sock")
        command = [python("arq"), "-m", "uvicorn", "front:app", "--uds", self.socket, "--no-access-log",
                   "--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--workers", workers]
        super().__init__(name, command, folder, {"REDIS_URL": redis_server.url}, os.path.join(HERE, "peers"))
        wait_until(lambda: listens(self.socket), 30, f"{name} listens", [self])


class ArqWorker(Process):
    """The peer's worker."""

    def __init__(self, folder, redis_server, name="arq"):
        command = [python("arq"), "arq_worker.py", "work"]
        super().__init__(name, command, folder, {"REDIS_URL": redis_server.url}, os.path.join(HERE, "peers"))


class Nginx(Process):
    """One nginx with a server, on a port of its own, for each site.

    A site is ('fastcgi' | 'http', socket of its backend, whether connections to it are kept). The settings are the same
    for all; those of FastCGI are wf's own locations file. To an HTTP backend connections are always kept.
    """

    KEPT = 32  # idle connections that each of the two nginx processes keeps per backend

    def __init__(self, folder, sites, name="nginx"):
        self.ports = {site: free_port() for site in sites}
        own = os.path.join(folder, name)
        os.makedirs(own, exist_ok=True)
        blocks = "".join(self._site(own, site, *backend) for site, backend in sites.items())
        temporary = "".join(
            f"{kind}_temp_path {own}/{kind};\n" for kind in ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = os.path.join(own, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(f"""{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {own}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 8192; }}
http {{
access_log off;
{temporary}
client_body_buffer_size 64k;
keepalive_requests 1000000;
{blocks}
}}
""")
        super().__init__(name, ["nginx", "-p", own, "-e", "stderr", "-c", configuration], folder)
        wait_until(self._listens, 10, f"{name} listens", [self])

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", next(iter(self.ports.values())))) == 0

    def url(self, site):
        return f"http://127.0.0.1:{self.ports[site]}"

    def _site(self, own, site, kind, backend, kept):
        keep = f"keepalive {self.KEPT}; keepalive_timeout 2s; keepalive_requests 1000000;" if kept or kind == "http" else ""
        upstream = f"upstream {site} {{ server unix:{backend}; {keep} }}\n"
        head = f"server {{ listen 127.0.0.1:{self.ports[site]};\n"
        if kind == "http":
            locations = f"""location / {{
client_max_body_size 2m;
proxy_pass http://{site};
proxy_http_version 1.1;
proxy_set_header Connection "";
}}
"""
        else:
            locations = os.path.join(own, f"{site}-locations.conf")
            with open(os.path.join(ROOT, "nginx/wf-locations.conf")) as file:
                text = file.read()
            assert "fastcgi_pass wf;" in text, "the locations file names its upstream `wf`"
            # The harness alone decides whether connections are kept, whatever the file says.
            text = text.replace("fastcgi_keep_conn on;", "").replace("fastcgi_pass wf;", f"fastcgi_pass {site};")
            with open(locations, "w") as file:
                file.write(text)
            keep_connection = "fastcgi_keep_conn on;" if kept else ""
            locations = f"{keep_connection}\ninclude {locations};\n"
        return upstream + head + locations + "}\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ModelServer(Process):
    """The bench's model server: every call takes `delay` seconds, plus or minus up to `jitter`."""

    def __init__(self, folder, delay, jitter=0.0, name="model-server"):
        port_file = os.path.join(folder, f"{name}.port")
        super().__init__(
            name, [python("arq"), os.path.join(HERE, "model_server.py"), port_file, delay, jitter], folder)
        wait_until(lambda: os.path.exists(port_file) and os.path.getsize(port_file), 10, f"{name} listens", [self])
        with open(port_file) as file:
            self.url = f"http://127.0.0.1:{file.read()}/v1"

    @property
    def settings(self):
        """What has a wf worker call it."""
        return {"WF_LLM_BASE_URL": self.url, "WF_LLM_MODEL": "bench", "WF_LLM_FALLBACK": "fail"}


class StreamServer(Process):
    """The bench's model server that streams: what the calls get, and when, the methods say."""

    def __init__(self, folder, name="stream-server"):
        port_file = os.path.join(folder, f"{name}.port")
        super().__init__(name, [python("arq"), os.path.join(HERE, "stream_server.py"), port_file], folder)
        wait_until(lambda: os.path.exists(port_file) and os.path.getsize(port_file), 10, f"{name} listens", [self])
        with open(port_file) as file:
            self.root = f"http://127.0.0.1:{file.read()}"

    @property
    def settings(self):
        """What has a wf worker call it."""
        return {"WF_LLM_BASE_URL": f"{self.root}/v1", "WF_LLM_MODEL": "bench", "WF_LLM_FALLBACK": "fail"}

    def calls(self):
        """How many calls wait for tokens."""
        return int(self._get("/calls"))

    def write(self, count, rate):
        """Gives each call a number of tokens at a rate a second; returns when all are written."""
        self._get(f"/write?count={count}&rate={rate}")

    def finish(self):
        """Ends all calls."""
        self._get("/finish")

    def _get(self, target):
        with urllib.request.urlopen(self.root + target) as answer:
            return answer.read()
