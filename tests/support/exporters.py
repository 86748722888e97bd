"""Real exporters as processes, and a plain one whose numbers a test sets."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import pytest
from tests.support.process import call, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def node_exporter() -> Iterator[int]:
    """Run the real node exporter and give its port; skip, loudly, where it is not installed."""
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if program is None:
        pytest.skip(
            "NOT TESTED: prometheus-node-exporter is not installed (apt-get install prometheus-node-exporter)"
        )
    port = free_port()
    command = [program, f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: call("GET", f"http://127.0.0.1:{port}/metrics").status == 200, what="the exporter")
        yield port
    finally:
        process.terminate()
        process.wait(10)


class PlainExporter:
    """An HTTP server whose exposition is a text that the test sets; counts the requests that it answered."""

    def __init__(self, text: str, status: int = 200) -> None:
        self.text = text
        self.status = status
        self.requests = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = exporter.text.encode()
                exporter.requests += 1
                self.send_response(exporter.status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: the test looks at the numbers."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
