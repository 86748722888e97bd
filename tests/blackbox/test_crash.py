"""What was acknowledged survives a killed process."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.blackbox.conftest import QUICK
from tests.support.exporters import PlainExporter
from tests.support.otlp_json import gauge_request
from tests.support.process import call, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

WRITERS = 3
ROUNDS = 3
BASE_MS = (time.time_ns() // 1_000_000_000 - 86_400) * 1000
"""A day ago, on a whole second: within retention, and far from what is scraped."""


class _Writer(threading.Thread):
    """Posts one sample after another and remembers those that were acknowledged."""

    def __init__(self, server: ServerProcess, number: int, start: int) -> None:
        super().__init__(daemon=True)
        self._url = f"{server.url}/otlp/v1/metrics"
        self._key = server.first_project.appkey
        self.number = number
        self.next = start
        self.acknowledged: set[int] = set()

    def run(self) -> None:
        while True:
            body = gauge_request(
                "crash_value", self.next, BASE_MS + self.next * 1000, instance=str(self.number)
            )
            try:
                answer = call("POST", self._url, headers={"X-TC-APP-KEY": self._key}, body=body)
            except (OSError, http.client.HTTPException):  # the kill may come in the middle of an answer
                return
            if answer.status != 200:
                return
            self.acknowledged.add(self.next)
            self.next += 1


def test_acknowledged_samples_are_there_after_kill_and_restart(tmp_path: Path) -> None:
    acknowledged: dict[int, set[int]] = {number: set() for number in range(WRITERS)}
    with PlainExporter("scraped 1\n") as exporter:
        for _ in range(ROUNDS):
            scraped = _write_until_killed(tmp_path / "data", exporter, acknowledged)
            _check_after_restart(tmp_path / "data", acknowledged, scraped)


def _write_until_killed(data: Path, exporter: PlainExporter, acknowledged: dict[int, set[int]]) -> float:
    """Scrape and write, kill the server in the middle; return the scraped samples that a query had seen."""
    with running_server(data, **QUICK) as server:
        return _write_and_scrape(server, exporter, acknowledged)


def _write_and_scrape(
    server: ServerProcess, exporter: PlainExporter, acknowledged: dict[int, set[int]]
) -> float:
    tenant = server.first_project
    if not tenant.sysmon("GET", "servers")["body"]:
        host = server.register_server(tenant, "machine")
        job = tenant.sysmon("POST", "jobs", {"jobName": "j", "metricsPath": "/metrics"})["body"]["jobId"]
        tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": exporter.port})
    before = _scraped(tenant)
    writers = [
        _Writer(server, number, max(numbers, default=-1) + 2) for number, numbers in acknowledged.items()
    ]
    for writer in writers:
        writer.start()
    eventually(
        lambda: min(len(writer.acknowledged) for writer in writers) >= 20, what="20 samples of each writer"
    )
    eventually(lambda: _scraped(tenant) > before, what="a scrape")
    seen = _scraped(tenant)
    server.kill()
    for writer in writers:
        writer.join(30)
        acknowledged[writer.number] |= writer.acknowledged
    return seen


def _check_after_restart(data: Path, acknowledged: dict[int, set[int]], scraped: float) -> None:
    with running_server(data, **QUICK) as server:
        _check_stored(server, acknowledged, scraped)
        assert 0 == server.stop()


def _check_stored(server: ServerProcess, acknowledged: dict[int, set[int]], scraped: float) -> None:
    tenant = server.first_project
    last = max(max(numbers) for numbers in acknowledged.values())
    rows = tenant.query(f"crash_value[{last + 60}s]", time=BASE_MS / 1000 + last + 30)
    stored = {int(row["metric"]["instance"]): {int(float(v)) for _, v in row["values"]} for row in rows}
    for number, numbers in acknowledged.items():
        assert numbers <= stored[number]
        # What a writer sent but was not told of may be there or not: at most one sample a round.
        assert len(stored[number] - numbers) <= ROUNDS
    assert _scraped(tenant) >= scraped


def _scraped(tenant: Tenant) -> float:
    rows = tenant.query("count_over_time(scraped[1h])")
    return float(rows[0]["value"][1]) if rows else 0.0
