"""Starting, stopping, and starting again, as an operator does."""

from __future__ import annotations

import stat
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.otlp_json import gauge_request
from tests.support.process import BONGSU, call, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


def test_a_second_start_finds_everything_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as first:
        tenant = first.first_project
        now = time.time_ns() // 1_000_000
        host = first.register_server(tenant, "kept")
        sent = gauge_request("kept_value", 42.5, now)
        url = f"{first.url}/otlp/v1/metrics"
        assert call("POST", url, headers={"X-TC-APP-KEY": tenant.appkey}, body=sent).status == 200
        other = first.create_project("second", region="jp")
        assert 0 == first.stop()

    with running_server(data) as second:
        again = second.first_project

        assert (tenant.project_id, tenant.appkey) == (again.project_id, again.appkey)
        assert ["42.5"] == [row["value"][1] for row in again.query("kept_value", time=now / 1000)]
        assert [host] == [row["hostId"] for row in again.sysmon("GET", "servers")["body"]]
        other.url = second.url
        assert [] == other.query("kept_value", time=now / 1000)
        shown = "".join(second.output)
        assert again.appkey not in shown, "keys are printed at the first start only"
        assert "credentials.json" in shown


def test_the_first_start_says_where_everything_is(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        tenant = server.first_project
        eventually(lambda: tenant.token in "".join(server.output), what="the printed token")
        shown = "".join(server.output)

        assert tenant.appkey in shown
        assert f"{server.url}/console/" in shown
        assert f"{server.url}/prometheus" in shown
        mode = stat.S_IMODE((tmp_path / "data" / "credentials.json").stat().st_mode)
        assert 0o600 == mode


def test_a_data_folder_serves_one_process_only(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        second = subprocess.run(
            [BONGSU, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert 1 == second.returncode
        assert "another process" in second.stdout + second.stderr
        assert 200 == call("GET", f"{server.url}/-/ready").status


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        address = server.url.removeprefix("http://")
        second = subprocess.run(
            [BONGSU, "serve", "--data", str(tmp_path / "other"), "--listen", address],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert 1 == second.returncode
        assert f"cannot listen on {address}" in second.stderr


def test_health_readiness_and_own_metrics_answer(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        assert 200 == call("GET", f"{server.url}/-/healthy").status
        assert 200 == call("GET", f"{server.url}/-/ready").status
        metrics = call("GET", f"{server.url}/metrics")

        assert 200 == metrics.status
        assert "bongsu_build_info{" in metrics.text
        assert "prometheus_build_info{" in metrics.text


def test_sigterm_ends_the_server_in_order(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        assert 0 == server.stop()
