"""The three programs: how each is started, where it is written to and asked, and what it is told to make its files final."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.compare.connection import Connection, RequestFailed
from benchmarks.compare.processes import Process, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
START_SECONDS = 180
"""Covers the replay of a long log; Bongsu's kernels are compiled before anything is measured."""

WRITE_HEADERS = {
    1: {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"},
    2: {
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        "Content-Encoding": "snappy",
    },
}
"""By version of the protocol."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    What is particular to a program.

    Attributes
    ----------
    command
        Makes the command line from a data folder and a port.
    settled
        Brings what is in memory to disk and merges files, where the program has a call for that.
    """

    name: str
    command: Callable[[Path, int], list[str]]
    ready: str
    write: str
    api: str
    headers: Callable[[Path], dict[str, str]]
    settled: Callable[[Program, float], None]
    environment: dict[str, str] = field(default_factory=dict)


class Program:
    """A recipe at work in a folder of its own."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self.url = ""
        self._process: Process | None = None

    @property
    def name(self) -> str:
        """Name of the program, as the report says it."""
        return self.recipe.name

    @property
    def process(self) -> Process:
        """The running process."""
        if self._process is None:
            raise AssertionError(f"BUG: {self.name} was asked for its process while it does not run")
        return self._process

    def start(self) -> float:
        """Start, and return the seconds until it says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        began = time.perf_counter()
        self._process = Process(
            self.recipe.command(self.folder, port),
            log=self.folder.with_suffix(".log"),
            cwd=ROOT,
            environment={**_ordinary_environment(), **self.recipe.environment},
        )
        while time.perf_counter() - began < START_SECONDS:
            self._process.check()
            connection = Connection(self.url, {})
            with contextlib.suppress(RequestFailed), contextlib.closing(connection):
                connection.get(self.recipe.ready)
                return time.perf_counter() - began
            time.sleep(0.01)
        self._process.kill()
        raise RequestFailed(f"{self.name} was not ready within {START_SECONDS} s")

    def stop(self) -> None:
        """End in order."""
        if self._process is not None:
            self._process.terminate()
            self._process = None

    def kill(self) -> None:
        """End without warning."""
        self.process.kill()
        self._process = None

    def remove(self) -> None:
        """Stop, and remove the data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self) -> Connection:
        """Return a connection that carries the program's key."""
        return Connection(self.url, self.recipe.headers(self.folder))

    def path(self, call: str, **parameters: object) -> str:
        """Return the path of a call of the query API with its caches off."""
        return f"{self.recipe.api}/{call}?{urlencode({**parameters, 'nocache': 1}, doseq=True)}"

    def ask(self, call: str, **parameters: object) -> Any:
        """Return the data of a call."""
        with contextlib.closing(self.connect()) as connection:
            return connection.get(self.path(call, **parameters)).json()["data"]

    def count(self, query: str, time_ms: int) -> float:
        """Return the value of a query that gives one series, 0 when it gives none."""
        result = self.ask("query", query=query, time=time_ms / 1000)["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def write(self, connection: Connection, body: bytes, version: int = 1) -> None:
        """Send a remote write request; returns when it is acknowledged."""
        connection.request("POST", self.recipe.write, body, headers=WRITE_HEADERS[version])

    def settle(self, upkeep_s: float) -> None:
        """Return when memory is in files as far as the program does that, and files are merged; `upkeep_s` is for its own clock."""
        self.recipe.settled(self, upkeep_s)

    def disk_bytes(self) -> int:
        """Return the size of all files."""
        return tree_bytes(self.folder)


def _ordinary_environment() -> dict[str, str]:
    """Return this process's environment; an installed package has its bytecode, so a shell that forbids it must not count."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def tree_bytes(folder: Path) -> int:
    """Return the bytes that the files of a folder take on disk; files may come and go meanwhile."""
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = file.lstat()
            if not file.is_dir():
                # Space that is reserved but not written yet (write-ahead logs) counts: the disk has no other use for it.
                total += status.st_blocks * 512
    return total


def bongsu(slow_sync_ms: int = 0, **environment: str) -> Recipe:
    """
    Return the recipe of Bongsu.

    Parameters
    ----------
    slow_sync_ms
        Time that each sync of a file takes longer than the disk needs.
    """

    def command(folder: Path, port: int) -> list[str]:
        program = (
            [sys.executable, "-m", "benchmarks.compare.slow_disk", str(slow_sync_ms)]
            if slow_sync_ms
            else [str(Path(sys.executable).parent / "bongsu")]
        )
        return [*program, "serve", "--data", str(folder), "--listen", f"127.0.0.1:{port}"]

    def headers(folder: Path) -> dict[str, str]:
        return {"X-TC-APP-KEY": credentials(folder)["appkey"]}

    return Recipe(
        name="Bongsu" if not slow_sync_ms else f"Bongsu, +{slow_sync_ms} ms a sync",
        command=command,
        ready="/-/ready",
        write="/prometheus/api/v1/write",
        api="/prometheus/api/v1",
        headers=headers,
        settled=_await_blocks,
        environment=environment,
    )


def credentials(folder: Path) -> dict[str, str]:
    """Return the credentials that Bongsu made."""
    said: dict[str, str] = json.loads((folder / "credentials.json").read_text())
    return said


def prometheus(program: Path, configuration: str = "") -> Recipe:
    """Return the recipe of Prometheus; `configuration` is added to its file."""

    def command(folder: Path, port: int) -> list[str]:
        file = folder / "prometheus.yml"
        file.write_text("storage: {tsdb: {out_of_order_time_window: 1h}}\n" + configuration)
        return [
            str(program),
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=10y",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address=127.0.0.1:{port}",
        ]

    return Recipe(
        name="Prometheus",
        command=command,
        ready="/-/ready",
        write="/api/v1/write",
        api="/api/v1",
        headers=lambda _folder: {},
        settled=_await_blocks,
    )


def victoria_metrics(program: Path) -> Recipe:
    """Return the recipe of VictoriaMetrics."""

    def command(folder: Path, port: int) -> list[str]:
        return [
            str(program),
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=10y",
            f"-httpListenAddr=127.0.0.1:{port}",
        ]

    def settled(running: Program, _upkeep_s: float) -> None:
        with contextlib.closing(running.connect()) as connection:
            connection.get("/internal/force_flush")
            connection.get("/internal/force_merge")
        time.sleep(2)
        running.process.wait_until_calm()

    return Recipe(
        name="VictoriaMetrics",
        command=command,
        ready="/health",
        write="/api/v1/write",
        api="/prometheus/api/v1",
        headers=lambda _folder: {},
        settled=settled,
    )


def _await_blocks(running: Program, upkeep_s: float) -> None:
    """Wait until the upkeep of the program, which comes by the clock, has written its blocks."""
    deadline = time.monotonic() + 3 * upkeep_s
    size, since = -1, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < upkeep_s:
        now = running.disk_bytes()
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(1)
    running.process.wait_until_calm()
