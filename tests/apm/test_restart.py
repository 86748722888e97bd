"""The real server stopped in the middle of a tick: what it had taken is counted after the restart, for each project apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.support.apm import span, spans
from tests.support.otlp import spans_protobuf
from tests.support.process import Tenant, call, eventually, running_server

from bongsu.apm.settings import TICK_MS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


def send(tenant: Tenant, count: int, end_ms: int) -> None:
    """Send transactions of as many users that ended together."""
    body = spans_protobuf(spans(*[span(end_ms, user=f"user-{i}") for i in range(count)]))
    headers = {"X-TC-APP-KEY": tenant.appkey, "Content-Type": "application/x-protobuf"}
    answer = call("POST", f"{tenant.url}/otlp/v1/traces", headers=headers, body=body)
    assert (200, b"") == (answer.status, answer.body)


def counted(tenant: Tenant) -> float:
    """Return the most transactions of a stored tick."""
    result = tenant.query("max_over_time(bongsu_apm_txcount[10m])")
    return float(result[0]["value"][1]) if result else 0.0


def test_an_orderly_stop_loses_no_transaction(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        tenants = (server.first_project, server.create_project("second"))
        # Early in a tick, so that all are of one; the server stops long before it is sealed.
        time.sleep((TICK_MS - time.time() * 1000 % TICK_MS + 100) / 1000)
        now_ms = int(time.time() * 1000)
        for tenant, count in zip(tenants, (9, 4), strict=True):
            send(tenant, count, now_ms)
        assert 0 == server.stop()
    with running_server(tmp_path) as server:
        for tenant, count in zip(tenants, (9, 4), strict=True):
            tenant.url = server.url
            eventually(lambda tenant=tenant: counted(tenant), what="a counted transaction")  # type: ignore[misc]
            assert count == counted(tenant)
            assert count == tenant.number("user")
