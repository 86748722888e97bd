"""A real browser on the real server; skipped loudly where the machine has no Chromium."""

from __future__ import annotations

import contextlib
import shutil
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import load_axe
from tests.browser.visitor import Visitor, opened_visitor
from tests.support.process import ServerProcess, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

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
    """Run the server that most tests share, each in a project of its own. It scrapes often: tests wait for what it finds."""
    quick = {"BONGSU_SCRAPE_INTERVAL": "3s", "BONGSU_SCRAPE_TIMEOUT": "3s"}
    with running_server(tmp_path_factory.mktemp("console") / "data", **quick) as started:
        yield started


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the checker, kept between runs where pytest may keep something."""
    cache = getattr(pytestconfig, "cache", None)
    return load_axe(cache.mkdir("axe") if cache is not None else tmp_path_factory.mktemp("axe"))


@pytest.fixture
def visitor(browser: Browser, server: ServerProcess) -> Iterator[Visitor]:
    with opened_visitor(browser, server.url) as opened:
        yield opened


@pytest.fixture
def another(browser: Browser, server: ServerProcess) -> Iterator[Visitor]:
    """Give a second person's browser."""
    with opened_visitor(browser, server.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """Return one signed-in page for all tests of modules: those keep nothing from test to test."""
    with opened_visitor(browser, server.url) as opened:
        opened.sign_in(server.first_project)
        yield opened.page


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
