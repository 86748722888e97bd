"""
What the agent costs an application beside the stock OpenTelemetry instrumentation alone.

    python -m benchmarks.agent.overhead [--rounds 5] [--requests 4000]

A WSGI application (Flask on gunicorn, one worker, four threads) and an ASGI one (FastAPI on uvicorn) answer a small request from a
closed loop of four connections, in three ways: plain, with the stock SDK and instrumentation, and under `bongsu agent run`. Stock and
agent report to the same receiver, which takes everything and keeps nothing. Ways take turns, so that a busy machine is fair to all.
What counts is the processor time of the application's processes for one request: on a busy machine it is steadier than throughput.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
CONNECTIONS = 4
WARM_REQUESTS = 300
WAYS = ("plain", "stock", "agent")


class Receiver(BaseHTTPRequestHandler):
    """Takes every OTLP request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def server_command(kind: str, way: str, port: int) -> list[str]:
    module = f"benchmarks.agent.apps:{kind}_{'stock' if way == 'stock' else 'plain'}()"
    if kind == "flask":
        return [str(BIN / "gunicorn"), "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{port}", module]
    factory = module.removesuffix("()")
    return [
        str(BIN / "uvicorn"),
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
        "--factory",
        factory,
    ]


@contextlib.contextmanager
def application(kind: str, way: str, url: str, port: int) -> Iterator[psutil.Process]:
    command = server_command(kind, way, port)
    folder = tempfile.mkdtemp()
    env = {**os.environ, "BONGSU_AGENT_FOLDER": folder, "BENCH_OTLP": url}
    if way == "agent":
        command = [
            str(BIN / "bongsu"),
            "agent",
            "run",
            "--url",
            url,
            "--key",
            "k",
            "--name",
            "bench",
            "--",
            *command,
        ]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    ask(port, 1)
                    break
                if time.monotonic() > deadline:
                    raise SystemExit(f"{kind} {way} did not start")
                time.sleep(0.1)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def ask(port: int, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        for _ in range(count):
            connection.request("GET", "/item/7", headers={"X-Forwarded-For": "203.0.113.9, 10.0.0.1"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200


def load(port: int, requests: int) -> float:
    """Send requests over all connections and return the seconds that they took."""
    threads = [threading.Thread(target=ask, args=(port, requests // CONNECTIONS)) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def cpu_seconds(process: psutil.Process) -> float:
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def measure(kind: str, way: str, url: str, port: int, requests: int) -> tuple[float, float]:
    """Return the processor microseconds of one request, and the requests per second."""
    with application(kind, way, url, port) as process:
        load(port, WARM_REQUESTS)
        # From here to the next full period: what is exported of these requests counts, whichever way exports.
        before = cpu_seconds(process)
        seconds = load(port, requests)
        time.sleep(6)
        return 1e6 * (cpu_seconds(process) - before) / requests, requests / seconds


def run(kinds: Sequence[str], rounds: int, requests: int) -> None:
    facts = {name: version(name) for name in ("flask", "gunicorn", "fastapi", "uvicorn", "opentelemetry-sdk")}
    print(
        json.dumps(
            {
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                **facts,
            }
        )
    )
    port = 18_400
    with receiver() as url:
        for kind in kinds:
            cost: dict[str, list[float]] = {way: [] for way in WAYS}
            rate: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    port += 1
                    used, through = measure(kind, way, url, port, requests)
                    cost[way].append(used)
                    rate[way].append(through)
            middle = {way: statistics.median(values) for way, values in cost.items()}
            for way in WAYS:
                print(
                    f"{kind:8} {way:6} {middle[way]:8.0f} us of processor a request   "
                    f"{statistics.median(rate[way]):7.0f} requests/s   {[round(v) for v in cost[way]]}"
                )
            print(f"{kind:8} agent / stock = {middle['agent'] / middle['stock']:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--kind", choices=["flask", "fastapi"], action="append")
    given = parser.parse_args()
    run(given.kind or ["flask", "fastapi"], given.rounds, given.requests)
