"""
The Prometheus API from socket to answer, and how fast answers are written.

Latency is measured on a running server (``bongsu serve``), beside its health page, which does nothing but HTTP; writing beside
orjson with the same document, in this process. Run it on a quiet machine:

    BONGSU_URL=http://127.0.0.1:9595 BONGSU_KEY=... python -m benchmarks.api.prometheus
"""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import numpy as np
import orjson

from bongsu.api.prometheus.results import write_range
from bongsu.kernels.format_floats import warm
from bongsu.model.label_columns import LabelColumns
from bongsu.promql.values import QueryResult, Vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

REQUESTS = 1000
N_SERIES, N_STEPS = 10_000, 240
METRIC = "bench_temperature"


class Connection:
    """One keep-alive connection that reads answers with a stated length; as little client as possible."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = f"Host: {parts.netloc}\r\nX-TC-APP-KEY: {key}\r\n\r\n"

    def get(self, path: str) -> bytes:
        """Return the body of an answer."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{self._headers}".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return body


def put_one_series(url: str, key: str) -> None:
    """Send a gauge by OTLP, as an application would."""
    now = time.time_ns()
    points = [
        {"timeUnixNano": str(now - 15_000_000_000 * i), "asDouble": 20.0 + i % 7, "attributes": []}
        for i in reversed(range(240))
    ]
    metric = {"name": METRIC, "gauge": {"dataPoints": points}}
    body = {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}]}
    request = urllib.request.Request(
        f"{url}/otlp/v1/metrics",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "X-TC-APP-KEY": key},
    )
    with urllib.request.urlopen(request) as answer:
        answer.read()


def milliseconds(act: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 95th percentile of many calls."""
    for _ in range(REQUESTS // 10):
        act()
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def measure_latency(url: str, key: str) -> None:
    """Print the latency of small queries beside that of the health page."""
    put_one_series(url, key)
    connection = Connection(url, key)
    prefix = "/prometheus/api/v1"
    now = int(time.time())
    span = f"start={now - 3600}&end={now}&step=60"
    paths = {
        "health page": "/-/healthy",
        "buildinfo": f"{prefix}/status/buildinfo",
        "scalar": f"{prefix}/query?query=1%2B1",
        "one series, instant": f"{prefix}/query?query={METRIC}",
        "one series, range of 60": f"{prefix}/query_range?query={METRIC}&{span}",
        "aggregate, range of 60": f"{prefix}/query_range?query={quote(f'max(max_over_time({METRIC}[5m]))')}&{span}",
        "label names": f"{prefix}/labels",
    }
    baseline = None
    for name, path in paths.items():
        median, late = milliseconds(lambda path=path: connection.get(path))  # type: ignore[misc]
        baseline = baseline or median
        print(
            f"{name:26} median {median:6.3f} ms, p95 {late:6.3f} ms, {median / baseline:4.1f} x health page"
        )


def labels() -> LabelColumns:
    """Return label sets as a web service has them."""
    return LabelColumns.from_maps(
        [
            {
                "__name__": "http_requests_total",
                "instance": f"10.0.{i % 250}.{i // 250}:9100",
                "job": "node",
                "path": f"/p/{i % 17}",
                "code": "200",
            }
            for i in range(N_SERIES)
        ]
    )


def measure_writing() -> None:
    """Print how many values a second are written, beside orjson with Python's own number texts."""
    random = np.random.default_rng(7)
    kinds: dict[str, NDArray[np.float64]] = {
        "rates": random.random((N_SERIES, N_STEPS)) * 100,
        "whole numbers": np.floor(random.random((N_SERIES, N_STEPS)) * 1e6),
        "two decimals": np.round(random.random((N_SERIES, N_STEPS)) * 100, 2),
    }
    steps = 1_700_000_000_000 + 15_000 * np.arange(N_STEPS, dtype=np.int64)
    columns = labels()
    warm()
    for name, values in kinds.items():
        began = time.perf_counter()
        result = QueryResult(Vector(columns, values, ordered=True), steps)
        size = sum(map(len, write_range(result).parts))
        own = time.perf_counter() - began
        began = time.perf_counter()
        times = (steps / 1000).tolist()
        document = [
            {"metric": metric, "values": [[t, str(v)] for t, v in zip(times, row, strict=True)]}
            for metric, row in zip(columns.maps(), values.tolist(), strict=True)
        ]
        orjson.dumps(document)
        plain = time.perf_counter() - began
        print(
            f"{name:26} {values.size / own / 1e6:5.1f} M values/s, {size / own / 1e6:4.0f} MB/s, "
            f"{plain / own:4.1f} x as fast as orjson"
        )


def main() -> None:
    """Measure what can be measured."""
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    url, key = os.environ.get("BONGSU_URL"), os.environ.get("BONGSU_KEY")
    if url and key:
        measure_latency(url, key)
    else:
        print("latency left out: BONGSU_URL and BONGSU_KEY name no server")
    measure_writing()


if __name__ == "__main__":
    main()
