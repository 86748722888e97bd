"""A backup taken while data comes in, restored elsewhere, is the same server."""

from __future__ import annotations

import os
import subprocess
import tarfile
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.process import BONGSU, ServerProcess, Tenant, call, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

STEP_MS = 1_000


def bongsu(server: ServerProcess | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {} if server is None else {"BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(server.data)}
    return subprocess.run(
        [BONGSU, *arguments],
        env={**os.environ, **known},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Writer:
    """Writes one series, a sample a request, until it is stopped; every acknowledged sample is counted."""

    def __init__(self, tenant: Tenant, start_ms: int) -> None:
        self._tenant = tenant
        self._start_ms = start_ms
        self.acknowledged = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            line = f'{{"metric":{{"__name__":"m"}},"values":[{self.acknowledged}],"timestamps":[{self._start_ms + STEP_MS * self.acknowledged}]}}'
            answer = call(
                "POST",
                f"{self._tenant.url}/prometheus/api/v1/import",
                headers={"X-TC-APP-KEY": self._tenant.appkey},
                body=line.encode(),
            )
            assert answer.status < 300, answer.text
            self.acknowledged += 1

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def stored(tenant: Tenant, start_ms: int, count: int) -> list[tuple[float, str]]:
    """Return the samples of the series from the start on."""
    span_s = max(1, (count + 1) * STEP_MS // 1000)
    result = tenant.query(f"m[{span_s}s]", time=start_ms / 1000 + span_s - 1)
    return [(time, value) for time, value in result[0]["values"]] if result else []


def workspaces(tenant: Tenant) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = tenant.sysmon("GET", "jobs")["body"]
    return sorted(jobs, key=lambda job: str(job["jobId"]))


def test_a_backup_under_load_restores_to_the_same_server(tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    with running_server(tmp_path / "data") as server:
        tenant, other = server.first_project, server.create_project("other")
        tenant.sysmon("POST", "jobs", {"jobName": "app", "metricsPath": "/metrics"})
        start_ms = int(time.time() - 3600) * 1000
        writer = Writer(tenant, start_ms)
        try:
            eventually(lambda: writer.acknowledged >= 50, what="the writer's start")
            acknowledged_before = writer.acknowledged
            saved = bongsu(server, "backup", str(archive))
        finally:
            writer.stop()
        assert 0 == saved.returncode, saved.stderr
        expected = stored(tenant, start_ms, writer.acknowledged)
        expected_jobs = workspaces(tenant)
        left = [path.name for path in server.data.iterdir() if path.name.startswith("backup-")]
        assert [] == left

    restored = bongsu(None, "restore", str(archive), "--data", str(tmp_path / "elsewhere"))
    assert 0 == restored.returncode, restored.stderr
    with running_server(tmp_path / "elsewhere") as server:
        twin = Tenant(server.url, tenant.project_id, tenant.pcode, tenant.appkey, tenant.token)
        found = stored(twin, start_ms, len(expected))

        assert acknowledged_before <= len(found)
        assert expected[: len(found)] == found
        assert expected_jobs == workspaces(twin)
        twin_of_other = Tenant(server.url, other.project_id, other.pcode, other.appkey, other.token)
        assert [] == twin_of_other.query("m[1d]")


def test_a_backup_that_is_cut_or_changed_restores_nothing(tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    with running_server(tmp_path / "data") as server:
        assert 0 == bongsu(server, "backup", str(archive)).returncode
    whole = archive.read_bytes()
    with tarfile.open(archive) as members:
        place = members.getmember("control.db").offset_data

    for damaged in (
        whole[: len(whole) // 2],
        whole[:-20_000],
        whole[: place + 100] + bytes([whole[place + 100] ^ 1]) + whole[place + 101 :],
        b"no tar at all",
    ):
        archive.write_bytes(damaged)
        done = bongsu(None, "restore", str(archive), "--data", str(tmp_path / "elsewhere"))

        assert 1 == done.returncode
        assert "is not a whole backup" in done.stderr
        assert not (tmp_path / "elsewhere").exists()
        assert not (tmp_path / "elsewhere.restoring").exists()


def test_a_folder_with_data_is_not_restored_over(tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    with running_server(tmp_path / "data") as server:
        assert 0 == bongsu(server, "backup", str(archive)).returncode
    before = sorted(tmp_path.rglob("*"))
    done = bongsu(None, "restore", str(archive), "--data", str(tmp_path / "data"))

    assert 1 == done.returncode
    assert "is not empty" in done.stderr
    assert before == sorted(tmp_path.rglob("*"))
