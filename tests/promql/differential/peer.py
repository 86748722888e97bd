"""A real Prometheus as an oracle: a process of its own with its own data, fed by remote write, asked over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Self

import cramjam
from tests.promql.differential.replies import Reply, reply_of_json
from tests.support.free_port import free_port
from tests.support.remote_write import V1_TYPE, SentSeries, encode_v1

if TYPE_CHECKING:
    from collections.abc import Sequence

START_SECONDS = 60
"""Of a process that takes half a second on an idle machine."""

LOCATIONS = ("/tmp/peers/root/usr/bin/prometheus", "/usr/local/bin/prometheus", "/usr/bin/prometheus")
"""Where a Prometheus may be, besides `BONGSU_PEER_PROMETHEUS`; ``python -m benchmarks.peers FOLDER`` gets one."""

FEATURES = "promql-experimental-functions,promql-delayed-name-removal,promql-duration-expr,native-histograms"
CONFIG = "storage:\n  tsdb:\n    out_of_order_time_window: 100y\n"


def find_prometheus() -> Path | None:
    """Return a Prometheus of version 3 or later, or None when the machine has none."""
    for place in (os.environ.get("BONGSU_PEER_PROMETHEUS", ""), *LOCATIONS):
        if place and Path(place).exists() and _major_version(place) >= 3:
            return Path(place)
    return None


class PeerPrometheus:
    """
    One Prometheus over an empty folder. Use it as a context manager: it ends the process and removes the folder.

    Parameters
    ----------
    program
        The executable.
    delayed
        Names are removed when a query ends.
    """

    def __init__(self, program: Path, *, delayed: bool = True) -> None:
        self._folder = Path(mkdtemp(prefix="bongsu-peer-"))
        (self._folder / "prometheus.yml").write_text(CONFIG)
        features = FEATURES if delayed else FEATURES.replace("promql-delayed-name-removal,", "")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                str(program),
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                f"--enable-feature={features}",
                "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=100y",
            ],
            stdout=self._log,
            stderr=self._log,
        )
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, series: Sequence[SentSeries]) -> None:
        """Store samples."""
        body = bytes(cramjam.snappy.compress_raw(encode_v1(list(series))))
        headers = {
            "Content-Type": V1_TYPE,
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        request = urllib.request.Request(f"{self._url}/write", body, headers, method="POST")
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"the peer refused the samples: {error.read().decode()}") from error

    def instant(self, text: str, time_ms: int) -> Reply:
        """Return the answer at one time."""
        return reply_of_json(self._ask("query", {"query": text, "time": f"{time_ms / 1000:.3f}"}))

    def range(self, text: str, start_ms: int, end_ms: int, step_ms: int) -> Reply:
        """Return the answer at every step of a range."""
        times = {"start": start_ms, "end": end_ms, "step": step_ms}
        parameters = {name: f"{value / 1000:.3f}" for name, value in times.items()}
        return reply_of_json(self._ask("query_range", {"query": text, **parameters}))

    def _ask(self, endpoint: str, parameters: dict[str, str]) -> Any:
        # The shape is Prometheus' JSON; `reply_of_json` is the boundary.
        data = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"{self._url}/{endpoint}", data, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the peer ended: {(self._folder / 'log').read_text()[-2000:]}")
            try:
                urllib.request.urlopen(self._url.replace("/api/v1", "/-/ready"), timeout=1).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the peer was not ready within {START_SECONDS} s")


def _major_version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    words = (told.stdout + told.stderr).split()
    return int(words[2].split(".")[0]) if len(words) > 2 and words[2][0].isdigit() else 0
