"""Remote write into the real server: what it acknowledged outlives its death."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.support.process import call, running_server, start_server
from tests.support.remote_write import V2_TYPE, encode_v2, series

from bongsu.runtime.compress import compress_snappy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import Answer, Tenant

pytestmark = pytest.mark.process


def write(tenant: Tenant, body: bytes) -> Answer:
    return call(
        "POST",
        f"{tenant.url}/prometheus/api/v1/write",
        headers={"X-TC-APP-KEY": tenant.appkey, "Content-Type": V2_TYPE, "Content-Encoding": "snappy"},
        body=compress_snappy(body),
    )


def test_acknowledged_samples_survive_a_kill_and_no_other_project_sees_them(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    server = start_server(tmp_path)
    other = server.create_project("other")
    sent = [series("written", (now - 1000, float(i)), row=str(i)) for i in range(500)]
    answer = write(server.first_project, encode_v2(sent))
    server.kill()
    assert (204, "500") == (answer.status, answer.headers["x-prometheus-remote-write-samples-written"]), (
        answer.text
    )

    with running_server(tmp_path) as again:
        assert "500" == again.first_project.query("count(written)")[0]["value"][1]
        assert str(sum(range(500))) == again.first_project.query("sum(written)")[0]["value"][1]
        other.url = again.url
        assert [] == other.query("written")
