"""What a visitor does with the pages of wf: `pages.py SCENARIO URL [ARGUMENT...]`. It exits with 0 if all went well."""

import json
import pathlib
import sys

from browser import browser

PAGES = ["/status", "/workflow", "/workflow/schedules", "/status/health", "/workflow/docs"]


def submit(url):
    """Submits the example by the form, and watches its graph turn green."""
    with browser(url) as seen:
        seen.open("/status")
        seen.page.get_by_role("link", name="Submit a run").click()
        seen.page.get_by_role("button", name="Submit", exact=True).click()
        seen.page.wait_for_url("**/status/*")
        seen.count("#graph .node.s-done", 3)
        seen.status("finished")
        seen.count("#graph .edge.critical", 2)
        seen.count("tr[data-status=done]", 3)
        seen.count("#timeline tbody tr", 3)
        seen.page.wait_for_selector("#documents >> text=Stores")
        assert "finished" in seen.page.locator("#entries").inner_text()
        search(seen)
        # The list follows by itself.
        seen.open("/status")
        seen.page.get_by_role("link", name="summarize-then-store").first.wait_for()
        print(seen.page.url)


def search(seen):
    """Finds a part of an output, and unfolds it."""
    seen.page.fill("#search", "placeholder")
    seen.page.wait_for_selector(".tree .match:visible")
    assert "found" in seen.page.locator("#documents output").inner_text()


def faults(url):
    """Faults are at their fields, and lead to their place in the text."""
    with browser(url, expected=[422]) as seen:
        seen.open("/workflow")
        seen.page.fill("#inputs", '{"text": }')
        seen.page.get_by_role("button", name="Submit", exact=True).click()
        assert "line 1, column 10" in seen.page.locator("#inputs-faults").inner_text()
        assert seen.page.get_attribute("#inputs", "aria-invalid") == "true"
        seen.accessible("the form with faults")
        seen.page.fill("#inputs", '{"text": "<b>&amp;"}')
        seen.page.fill("#steps", '[{"id": "a", "op": "preprocess"},\n {"id": "b", "op": "nothing"}]')
        seen.page.fill("#options", '{"priority": "urgent"}')
        seen.page.get_by_role("button", name="Submit", exact=True).click()
        seen.page.wait_for_selector("#options-faults")
        # What was typed is still there, unchanged.
        assert seen.page.input_value("#inputs") == '{"text": "<b>&amp;"}'
        seen.page.locator("#steps-faults a").first.click()
        chosen = seen.page.evaluate(
            "(field => field.value.slice(field.selectionStart, field.selectionEnd))(document.getElementById('steps'))")
        assert chosen == '"nothing"', chosen
        seen.page.get_by_role("group").first.wait_for()
        seen.page.fill("#steps", "[]")
        seen.page.locator("summary", has_text="preprocess").click()
        seen.page.locator("button[data-op=preprocess]").click()
        assert json.loads(seen.page.input_value("#steps"))[0]["op"] == "preprocess"


def retry(url, job):
    """Retries a failed run, which then finishes."""
    with browser(url) as seen:
        seen.open(f"/status/{job}")
        seen.status("failed")
        seen.count("#graph .node.s-failed", 1)
        # The call that was refused has named no counts.
        summary = seen.page.locator("#summary").inner_text()
        assert "unknown" in summary and "0, 0" not in summary, summary
        seen.count("#timeline tbody tr", 2)
        seen.accessible("a failed run")
        seen.page.get_by_role("button", name="Retry what failed").click()
        seen.status("finished")
        assert seen.page.locator("#graph .node.s-failed").count() == 0
        seen.page.get_by_text("Run again", exact=True).first.wait_for()
        seen.page.locator("#summary dd", has_text="once").wait_for()
        # The timeline is that of the last generation: of the failed step alone.
        seen.count("#timeline tbody tr", 1)


def cancel(url, job):
    """Pauses, resumes and cancels a run that waits."""
    with browser(url) as seen:
        seen.open(f"/status/{job}")
        seen.status("queued")
        seen.page.get_by_role("button", name="Pause").click()
        seen.page.wait_for_selector("#summary .badge.s-paused")
        seen.page.get_by_role("button", name="Resume").click()
        seen.page.get_by_role("button", name="Pause").wait_for()
        seen.page.get_by_role("button", name="Cancel").click()
        seen.status("cancelled")


def stream(url, job, text):
    """Shows what a model is writing while it writes."""
    with browser(url) as seen:
        seen.open(f"/status/{job}")
        seen.page.locator("#texts pre", has_text=text).wait_for()
        # The graph is drawn a moment after the text.
        seen.count("#graph .node.s-running", 1)
        seen.count("#graph .node.critical", 1)
        # The path that counts is the one to what is running, not to what has ended.
        marked = seen.page.locator("#graph .node.critical").evaluate_all("nodes => nodes.map(node => node.textContent)")
        assert len(marked) == 1 and "ask" in marked[0], marked
        print("seen", flush=True)
        sys.stdin.readline()
        seen.status("finished")


def large(url, job, steps):
    """Draws a graph of many steps, each of them, and soon: the best of three times counts on a machine that has much to do."""
    with browser(url) as seen:
        times = []
        for _ in range(3):
            seen.open(f"/status/{job}")
            seen.count("#graph .node.s-done", int(steps))
            times.append(float(seen.page.get_attribute("#graph", "data-layout-ms")))
        print(f"layout of {steps} steps: {min(times)} ms")
        assert min(times) <= 200, times
        seen.page.get_by_role("button", name="Fit").click()


def reading(url, job):
    """Without JavaScript all can be read."""
    with browser(url, java_script_enabled=False) as seen:
        for path in PAGES:
            assert seen.open(path).status == 200, path
        seen.open("/status")
        assert seen.page.locator(f"a[href='/status/{job}']").count() == 1
        seen.open(f"/status/{job}")
        assert seen.page.locator("tr[data-status=done]").count() == 3
        assert "finished" in seen.page.locator("#entries").inner_text()
        assert "Summary(" in seen.page.locator("#documents").inner_html()
        assert seen.page.locator("#documents details").count() >= 5


def accessible(url, job):
    """axe-core finds nothing serious on any page, light and dark, narrow and wide; a keyboard reaches the content."""
    for scheme in ("light", "dark"):
        for width in (320, 1280):
            with browser(url, color_scheme=scheme, width=width) as seen:
                for path in PAGES + [f"/status/{job}"]:
                    seen.open(path)
                    if path.endswith(job):
                        seen.count("#graph .node.s-done", 3)
                    seen.accessible(f"{path} ({scheme}, {width} px)")
                    seen.wide(path)
                seen.page.keyboard.press("Tab")
                assert seen.page.evaluate("document.activeElement.className") == "skip"
                seen.page.keyboard.press("Enter")
                assert seen.page.evaluate("document.activeElement.id") == "main"


def login(url, job, other):
    """Logs in, sees what is one's own alone, and logs out."""
    with browser(url, expected=[401, 403, 404]) as seen:
        assert seen.open(f"/status/{job}").status == 401
        seen.accessible("the login")
        seen.page.fill("#key", "wrong")
        seen.page.get_by_role("button", name="Log in").click()
        seen.page.get_by_role("alert").wait_for()
        seen.page.fill("#key", "key-alice")
        seen.page.get_by_role("button", name="Log in").click()
        seen.page.wait_for_url(f"**/status/{job}")
        seen.count("#graph .node.s-done", 3)
        cookie = next(c for c in seen.page.context.cookies() if c["name"] == "wf_key")
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/", cookie
        assert seen.page.evaluate("document.cookie") == ""
        assert seen.open(f"/status/{other}").status == 404
        # What changes something needs the token of a form, although the browser sends the cookie.
        forged = seen.page.evaluate(f"fetch('/workflow/{job}/rerun', {{method: 'POST'}}).then(answer => answer.status)")
        assert forged == 403, forged
        seen.open(f"/status/{job}")
        seen.page.get_by_role("button", name="Rerun").click()
        seen.status("finished")
        seen.page.get_by_role("button", name="Log out").click()
        seen.page.wait_for_url("**/workflow/login")
        assert seen.open("/status").status == 401
    with browser(url, expected=[401, 403]) as seen:
        seen.open("/status")
        seen.page.fill("#key", "key-alice-read")
        seen.page.get_by_role("button", name="Log in").click()
        seen.page.get_by_role("link", name="summarize-then-store").first.click()
        seen.count("#graph .node.s-done", 3)
        assert seen.page.locator("#actions button").count() == 0
        assert seen.open("/workflow").status == 403


def shots(url, folder, *paths):
    """Pictures of pages, for people to look at."""
    for scheme in ("light", "dark"):
        for width in (320, 1280, 2560):
            with browser(url, color_scheme=scheme, width=width, expected=[401, 404, 422, 503]) as seen:
                for path in paths:
                    seen.open(path)
                    if path.startswith("/status/") and len(path) > 40:
                        seen.page.wait_for_selector("#graph .node")
                        seen.page.wait_for_timeout(600)
                    name = path.strip("/").replace("/", "-")[:24]
                    seen.page.screenshot(
                        path=pathlib.Path(folder) / f"{name}-{width}-{scheme}.png", full_page="docs" not in path)
                    seen.wide(path)


if __name__ == "__main__":
    SCENARIOS = [submit, faults, retry, cancel, stream, large, reading, accessible, login, shots]
    next(s for s in SCENARIOS if s.__name__ == sys.argv[1])(*sys.argv[2:])
