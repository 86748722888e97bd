"""A real browser on the real server; skipped loudly where the machine has no Chromium."""

from __future__ import annotations

import contextlib
import shutil
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.browser.axe import load_axe
from tests.support.process import ServerProcess, Tenant, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need playwright: pip install 'bongsu[dev]'"
    )
    if CHROMIUM is None:
        pytest.skip("the browser tests need Chromium: apt-get install chromium fonts-noto-cjk")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("console") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the checker, kept between runs where pytest may keep something."""
    cache = getattr(pytestconfig, "cache", None)
    return load_axe(cache.mkdir("axe") if cache is not None else tmp_path_factory.mktemp("axe"))


@dataclass
class Visitor:
    """One browser window of its own, and what went wrong in it."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, view: str = "") -> None:
        """Open a view by its address."""
        self.page.goto(f"{self.url}/console/{view}")

    def sign_in(self, tenant: Tenant) -> None:
        """Sign in with a project's key, as a person does."""
        self.open()
        self.page.get_by_label("Key").fill(tenant.appkey)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation").wait_for()

    def settle(self) -> None:
        """Wait until nothing on the page is loading. (The page's policy forbids what Playwright's own wait evaluates.)"""
        self.page.locator("main > *").first.wait_for()
        busy = self.page.locator("[aria-busy]")
        while busy.count() > 0:
            busy.first.wait_for(state="detached")

    def watch(self) -> None:
        """Note errors of scripts and of the policy, failed requests, and every host that is asked."""
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on(
            "console",
            lambda said: (
                self.problems.append(f"console: {said.text}") if said.type in {"error", "warning"} else None
            ),
        )
        self.page.on("request", lambda sent: self.hosts.add(urlsplit(sent.url).netloc))


@pytest.fixture
def visitor(browser: Browser, server: ServerProcess) -> Iterator[Visitor]:
    context = browser.new_context(locale="en-US", viewport={"width": 1366, "height": 860})
    context.set_default_timeout(30_000)
    opened = Visitor(context, context.new_page(), server.url)
    opened.watch()
    yield opened
    context.close()


@dataclass
class ToyExporter:
    """A target that answers what the test sets."""

    port: int
    status: int = 200
    body: bytes = b"# TYPE toy_orders_total counter\ntoy_orders_total 42\n"


@pytest.fixture
def exporter() -> Iterator[ToyExporter]:
    toy = ToyExporter(0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(toy.status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(toy.body)))
            self.end_headers()
            self.wfile.write(toy.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test's output is for the test."""

    with contextlib.closing(_Threaded(("127.0.0.1", 0), Handler)) as listening:
        toy.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield toy
        listening.shutdown()
        thread.join()


class _Threaded(ThreadingHTTPServer):
    daemon_threads = True

    def close(self) -> None:
        """Be closed by `contextlib.closing`."""
        self.server_close()
