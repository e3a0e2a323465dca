"""A client of either API: submits runs over one kept HTTP connection, and watches a run's status in Redis."""
import http.client
import json
import socket
import time


class Client:
    """One connection to an API through nginx, and one to Redis."""

    def __init__(self, port, redis_server):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.redis = socket.socket(socket.AF_UNIX)
        self.redis.connect(redis_server.socket)

    def submit(self, body):
        """Posts a workflow; returns the job's id."""
        self.http.request("POST", "/workflow/run", body, {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"a run was answered {answer.status}: {text[:500]!r}")
        return json.loads(text)["job_id"]

    def wait_until_finished(self, job, limit=60):
        """Asks Redis without a pause until the run is finished, so that the answer is exact to some 20 µs."""
        key = b"wf:job:" + job.encode()
        command = b"*3\r\n$4\r\nHGET\r\n$%d\r\n%s\r\n$6\r\nstatus\r\n" % (len(key), key)
        deadline = time.monotonic() + limit
        while True:
            self.redis.sendall(command)
            reply = self.redis.recv(200)
            if reply == b"$8\r\nfinished\r\n":
                return
            if reply == b"$6\r\nfailed\r\n" or time.monotonic() > deadline:
                raise RuntimeError(f"run {job} is not finished: {reply!r}")

    def seconds_to_finish(self, body):
        """Seconds from the submission until the run is finished."""
        started = time.perf_counter()
        self.wait_until_finished(self.submit(body))
        return time.perf_counter() - started

    def close(self):
        self.http.close()
        self.redis.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
