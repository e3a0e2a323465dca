"""The keys of a run, as wf's contract names them."""


def job_key(job):
    return f"wf:job:{job}"


def progress_key(job):
    return f"wf:progress:{job}"


def result_key(job):
    return f"wf:result:{job}"
