"""Takes from wf the very commands that it sends to Redis, so that the floors in floor/ run the same scripts.

MONITOR shows a submit, the claim that brings the run and the records that end it, while wf runs one example. A command
becomes a template: its RESP bytes, in which the job's id, the request's id and the claim's ids are replaced by
placeholders of fixed width. The C programs put their own in those places and change nothing else.
"""
import http.client
import json
import re
import socket

JOB = "00000000-0000-4000-8000-00000000000J"
REQUEST = "0000000000000000000000000000000R"
CLAIM = "bench-claim/000000C"
TOKEN = f"1-{CLAIM}"


def capture(redis_server, port, body, worker=False):
    """Posts the body and returns the commands that come of it, as lists of words with placeholders.

    Returns {'submit': words}; when a worker is running that takes the run, also 'claim', 'record_head', the words before
    the first record of a call that records, and 'records', a list of the words of each.
    """
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(10)
        monitor.connect(redis_server.socket)
        monitor.sendall(b"MONITOR\r\n")
        lines = monitor.makefile("rb")
        if lines.readline() != b"+OK\r\n":
            raise RuntimeError("Redis refuses MONITOR")
        job = _post(port, body)
        calls = []
        for call in _script_calls(lines):
            calls.append(call)
            if job in " ".join(call) and (not worker or "finished" in " ".join(call)):
                break
    return _templates(calls, job, redis_server, worker)


def _post(port, body):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("POST", "/workflow/run", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    text = answer.read()
    client.close()
    if answer.status != 202:
        raise RuntimeError(f"the example was answered {answer.status}: {text!r}")
    return json.loads(text)["job_id"]


def _script_calls(lines):
    """The script calls among the lines of MONITOR, without the commands that scripts give."""
    for line in lines:
        head, _, command = line.decode("latin-1").partition("] ")
        words = [_unquote(word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', command)]
        if words and words[0].upper() in ("EVALSHA", "FCALL") and not head.endswith(" lua"):
            yield words


def _unquote(text):
    """Undoes Redis's quoting; bytes stand as the characters of Latin-1."""
    escapes = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}

    def plain(match):
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] == "x" else escapes.get(code, code)

    return re.sub(r"\\(x[0-9a-f]{2}|.)", plain, text)


def _templates(calls, job, redis_server, worker):
    submit = next(call for call in calls if job in " ".join(call))
    request = job.replace("-", "")
    # nginx's id of the request makes the job's id, but for the digits of the UUID's version and variant.
    alike = re.compile(re.escape(request[:12]) + "." + request[13:16] + "." + request[17:])
    templates = {"submit": [alike.sub(REQUEST, word.replace(job, JOB)) for word in submit]}
    if not worker:
        return templates
    end, token = redis_server.client.hmget(f"wf:job:{job}", "end", "token")  # format 1 has no `end`
    token = (end or token).decode().partition(" ")[0]
    claim_id = token.partition("-")[2]
    # The last one: a claim is sent again when it has learned of new classes.
    claim = [call for call in calls if claim_id in call][-1]
    templates["claim"] = [CLAIM if word == claim_id else word for word in claim]
    records = [call for call in calls if call is not submit and claim_id not in call and job in " ".join(call)]
    # Before the first record, which begins with the job's id, are what all records of a call share (record.lua).
    head = next(number for number, word in enumerate(records[0]) if job in word)
    templates["record_head"] = records[0][:head]
    templates["records"] = [
        [word.replace(job, JOB).replace(token, TOKEN) for word in record[head:]] for record in records]
    return templates


def resp(words):
    """A command as it goes over the wire."""
    return b"*%d\r\n" % len(words) + resp_words(words)


def resp_words(words):
    """Words of a command as they go over the wire."""
    parts = [word.encode("latin-1") for word in words]
    return b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
