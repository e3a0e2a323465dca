"""A client of either API: submits runs over one kept HTTP connection, and watches a run's status in Redis.

It is as thin as can be, so that what is measured is the stack and not the client.
"""
import re
import socket
import time


class Client:
    """One connection to an API through nginx, and one to Redis."""

    def __init__(self, port, redis_server):
        self.http = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.http.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.redis = self._connect(redis_server)
        self.changes = self._connect(redis_server)
        # Redis says when a field of a job was set; who asks without a pause takes a core from those it measures.
        self.redis.sendall(b"CONFIG SET notify-keyspace-events Kh\r\n")
        self.redis.recv(200)
        self.changes.sendall(b"PSUBSCRIBE __keyspace@0__:wf:job:*\r\n")
        self.changes.recv(200)

    @staticmethod
    def _connect(redis_server):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(redis_server.socket)
        return connection

    def submit(self, body):
        """Posts a workflow; returns the job's id."""
        self.http.sendall(
            b"POST /workflow/run HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while not (job := re.search(rb'"job_id": ?"([0-9a-f-]{36})".*}$', answer)):
            more = self.http.recv(1 << 16)
            answer += more
            if not more or (answer and not answer.startswith(b"HTTP/1.1 202")):
                raise RuntimeError(f"a run was answered {answer[:500]!r}")
        return job[1].decode()

    def wait_until_finished(self, job, limit=60):
        """Waits until the run is finished: looks at its status at first and whenever a job has changed."""
        key = b"wf:job:" + job.encode()
        command = b"*3\r\n$4\r\nHGET\r\n$%d\r\n%s\r\n$6\r\nstatus\r\n" % (len(key), key)
        self.changes.settimeout(limit)
        while True:
            self.redis.sendall(command)
            reply = self.redis.recv(200)
            if reply == b"$8\r\nfinished\r\n":
                return
            if reply == b"$6\r\nfailed\r\n":
                raise RuntimeError(f"run {job} has failed")
            self.changes.recv(1 << 16)

    def seconds_to_finish(self, body):
        """Seconds from the submission until the run is finished."""
        started = time.perf_counter()
        self.wait_until_finished(self.submit(body))
        return time.perf_counter() - started

    def close(self):
        self.http.close()
        self.redis.close()
        self.changes.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
