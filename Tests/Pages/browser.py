"""A headless Chromium that notes what a good page never does: errors, breaches of its policy, requests to other hosts."""

import contextlib
import pathlib
import urllib.parse

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
BREACHES = """addEventListener("securitypolicyviolation",
    event => console.error("policy: " + event.violatedDirective + " " + event.blockedURI));"""
# Seconds that a page has for what it is waited for.
PATIENCE = 30_000


class Watched:
    """A page of a browser, with what went wrong on it."""

    def __init__(self, context, url, expected):
        self.url = url
        self.expected = set(expected)
        self.faults = []
        self.host = urllib.parse.urlsplit(url).netloc
        context.set_default_timeout(PATIENCE)
        context.add_init_script(BREACHES)
        self.page = context.new_page()
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self.look)

    def note(self, message):
        if message.type not in ("error", "warning"):
            return
        # Chromium reports each answer of 400 and above, that of a page itself too.
        if any(f"status of {status} " in message.text for status in self.expected):
            return
        self.faults.append(f"{message.type}: {message.text} at {message.location}")

    def look(self, request):
        parts = urllib.parse.urlsplit(request.url)
        if parts.scheme != "data" and parts.netloc != self.host:
            self.faults.append(f"request to another host: {request.url}")

    def open(self, path):
        """Loads a path, and returns its answer."""
        return self.page.goto(self.url + path, wait_until="load")

    def count(self, selector, count):
        """Waits until there are as many elements."""
        self.page.wait_for_function(
            "([selector, count]) => document.querySelectorAll(selector).length === count", arg=[selector, count])

    def status(self, word):
        """Waits until the page of a run says where the run stands."""
        self.page.wait_for_selector(f"#summary .badge.s-{word}")

    def accessible(self, what):
        """Notes the faults that axe-core calls serious or worse."""
        # `evaluate` is not subject to the policy of the page, which allows no foreign script.
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for fault in found["violations"]:
            if fault["impact"] in ("serious", "critical"):
                nodes = [f"{node['html'][:200]} {node.get('failureSummary', '')[:300]}" for node in fault["nodes"][:3]]
                self.faults.append(f"axe on {what}: {fault['id']}: {fault['help']}: {nodes}")

    def wide(self, what):
        """Notes a page that is wider than the window."""
        widths = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        if widths[0] > widths[1]:
            self.faults.append(f"{what} is {widths[0]} px wide in a window of {widths[1]}")


@contextlib.contextmanager
def browser(url, *, expected=(), width=1280, height=900, **options):
    """Runs a browser, and fails at the end if anything was noted.

    `expected`: statuses of 400 and above that pages may have.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"])
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        watched = Watched(context, url, expected)
        try:
            yield watched
        finally:
            chromium.close()
        if watched.faults:
            raise SystemExit("\n".join(watched.faults))
