"""A browser tab that is signed in, and what can be read of it."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=en-US"]
"""As the tests start it; software draws, so a machine with a graphics card is faster."""
SIZE = {"width": 1366, "height": 860}
_READINGS = 8
_APART_MS = 70
"""Answers that are on their way when the heap is read are not held: the least of several readings is without them."""


@contextlib.contextmanager
def opened_browser() -> Iterator[Browser]:
    """Start Debian's Chromium for the length of a block."""
    # Whoever brings a browser of its own needs no driver to import this.
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("the console is measured in Chromium: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@dataclass(slots=True)
class Tab:
    """One window of a browser of its own, so that nothing is cached before it is opened."""

    context: BrowserContext
    page: Page
    session: CDPSession
    url: str

    def open(self, view: str = "") -> None:
        """Open a view and return when nothing on it is loading."""
        self.page.goto(f"{self.url}/console/{view}")
        self.page.locator("main > *").first.wait_for()
        self.page.locator("[aria-busy]").first.wait_for(state="detached")

    def metrics(self) -> dict[str, float]:
        """Return the browser's own numbers of the page."""
        told = self.session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in told}

    def heap_bytes(self) -> int:
        """Return what the page's scripts hold after everything that can be freed is freed."""
        return min(self._heap_now() for _ in range(_READINGS))

    def nodes(self) -> int:
        """Return how many nodes of documents live, those that are in no document any more among them."""
        return int(self.metrics()["Nodes"])

    def _heap_now(self) -> int:
        for _ in range(3):  # what the first finds to be dead may free more
            self.session.send("HeapProfiler.collectGarbage")
        used: int = self.session.send("Runtime.getHeapUsage")["usedSize"]
        self.page.wait_for_timeout(_APART_MS)
        return used

    def run(self, script: str, argument: Any = None) -> Any:
        """Evaluate a function in the page; it is given `load`, which imports one of the console's modules, and the argument."""
        return self.page.evaluate(
            f"""async (argument) => {{
                const main = document.querySelector('script[type=module]').src;
                const load = (name) => import(new URL(name, main).href);
                return ({script})(load, argument);
            }}""",
            argument,
        )


@contextlib.contextmanager
def new_tab(browser: Browser, url: str, key: str, *, script: str = "") -> Iterator[Tab]:
    """
    Sign in with a key, in a window without a cache.

    Parameters
    ----------
    script
        Runs in every page before its own scripts.
    """
    context = browser.new_context(viewport=SIZE, locale="en-US")  # type: ignore[arg-type]
    answer = context.request.post(
        f"{url}/console/api/session",
        data=json.dumps({"key": key}),
        headers={"Content-Type": "application/json", "X-Bongsu-Console": "1"},
    )
    if not answer.ok:
        raise RuntimeError(f"signing in failed: {answer.status} {answer.text()}")
    page = context.new_page()
    if script:
        page.add_init_script(script)
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    yield Tab(context, page, session, url)
    context.close()
