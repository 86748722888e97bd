"""The real server on a disk that fills up, and with no folder to keep compiled kernels in."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.mounts import mounted
from tests.support.process import BONGSU, Answer, call, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import Tenant

pytestmark = pytest.mark.process

COMPILE_S = 900
"""All kernels, compiled in one process on a machine that is busy with other tests."""

STEPS = 3
"""Sentences of progress after which a start without cached kernels is on its way; its end is waited for where BONGSU_NIGHTLY is set."""


def _write(tenant: Tenant, name: str, count: int) -> Answer:
    begin = int(time.time()) - 3600
    lines = "".join(f"{name} {i / 7} {(begin + i) * 1000}\n" for i in range(count))
    return tenant.write(lines)


def _refused(tenant: Tenant) -> Answer | None:
    answer = _write(tenant, "during", 3_000)
    return answer if answer.status == 503 else None


def _count(tenant: Tenant, name: str) -> int:
    rows = tenant.query(f"count_over_time({name}[2h])")
    return int(rows[0]["value"][1]) if rows else 0


def test_a_full_disk_refuses_writes_with_503_while_reads_go_on_and_recovers_by_itself(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=32m") as disk:
        with running_server(disk / "data", BONGSU_SERVER_WATCH_ITSELF="no") as server:
            tenant = server.first_project
            assert 204 == _write(tenant, "before", 100).status
            ballast = disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass

            refused = eventually(lambda: _refused(tenant), what="a refusal")
            assert refused is not None
            assert "full" in refused.text
            assert {"retry-after"} <= {name.lower() for name in refused.headers}
            assert 100 == _count(tenant, "before")
            state = call("GET", f"{server.url}/admin/v1/store", headers=server.admin_headers).json()
            assert "full" in state["refusesWrites"]
            assert "bongsu_tsdb_read_only 1.0" in call("GET", f"{server.url}/metrics").text

            ballast.unlink()
            eventually(lambda: _write(tenant, "after", 10).status == 204, what="a write")
            state = call("GET", f"{server.url}/admin/v1/store", headers=server.admin_headers).json()
            assert (None, [], []) == (state["refusesWrites"], state["damage"], state["quarantined"])
            counts = {name: _count(tenant, name) for name in ("before", "after")}
            assert {"before": 100, "after": 10} == counts
            server.kill()

        with running_server(disk / "data", BONGSU_SERVER_WATCH_ITSELF="no") as server:
            assert counts == {name: _count(server.first_project, name) for name in counts}
            server.stop()


@pytest.mark.timeout(2 * COMPILE_S + 60)
def test_a_server_without_a_writable_cache_compiles_and_tells_so(tmp_path: Path) -> None:
    with mounted(tmp_path / "readonly", "ro") as folder:
        places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "BONGSU_CACHE_DIR"), str(folder))
        with (tmp_path / "log").open("w+") as log:
            process = subprocess.Popen(
                [BONGSU, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
                env={**os.environ, **places},
                stdout=log,
                stderr=log,
            )
            try:
                url = eventually(lambda: _words_after(tmp_path / "log", '"url": "'), what="an address")
                eventually(lambda: call("GET", f"{url}/-/healthy").status == 200, what="health")
                told: set[str] = set()

                def goes_on() -> bool:
                    answer = call("GET", f"{url}/-/ready")
                    told.add(answer.text)
                    assert process.poll() is None, (tmp_path / "log").read_text()
                    return answer.status == 200 or len(told) >= STEPS

                eventually(goes_on, within_s=COMPILE_S, what="progress")
                if os.environ.get("BONGSU_NIGHTLY"):
                    ready = f"{url}/-/ready"
                    eventually(lambda: call("GET", ready).status == 200, within_s=COMPILE_S, what="readiness")
                    assert 401 == call("GET", f"{url}/prometheus/api/v1/labels").status
            finally:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(
                    subprocess.TimeoutExpired
                ):  # a kernel that is being compiled is finished first
                    process.wait(60)
                process.kill()
                process.wait(60)


def _words_after(file: Path, start: str) -> str:
    return file.read_text().partition(start)[2].partition('"')[0]
