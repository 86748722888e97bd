"""A project's rate of samples on every way in, and what its limits have refused, with the real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter
from tests.support.otlp_json import gauge_request
from tests.support.process import Answer, call, eventually
from tests.support.remote_write import encode_v1, series

from bongsu.runtime.compress import compress_snappy

if TYPE_CHECKING:
    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

RATE = "max_samples_per_second"


def _limit(server: ServerProcess, tenant: Tenant, name: str) -> dict[str, Any]:
    url = f"{server.url}/admin/v1/projects/{tenant.project_id}/limits"
    limits = call("GET", url, headers=server.admin_headers).json()["limits"]
    found: dict[str, Any] = next(limit for limit in limits if limit["name"] == name)
    return found


def _remote_write(tenant: Tenant, count: int) -> Answer:
    now = time.time_ns() // 1_000_000
    sent = series("sent", *((now - 1000 * i, float(i)) for i in range(count)))
    headers = {
        "X-TC-APP-KEY": tenant.appkey,
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    return call(
        "POST",
        f"{tenant.url}/prometheus/api/v1/write",
        headers=headers,
        body=compress_snappy(encode_v1([sent])),
    )


def test_a_project_over_its_rate_is_asked_to_wait_on_every_way_in(server: ServerProcess) -> None:
    tenant = server.create_project("slow", limits={RATE: 10})
    other = server.create_project("quick")
    assert 204 == _remote_write(tenant, 2_000).status

    key = {"X-TC-APP-KEY": tenant.appkey}
    body = gauge_request("g", 1, time.time_ns() // 1_000_000, instance="a")
    refused = [
        _remote_write(tenant, 1),
        call("POST", f"{server.url}/otlp/v1/metrics", headers=key, body=body),
        call("POST", f"{server.url}/prometheus/api/v1/import/prometheus", headers=key, body=b"up 1\n"),
    ]

    for answer in refused:
        assert 429 == answer.status, answer.text
        waits = {name.lower(): value for name, value in answer.headers.items()}
        assert 1 <= int(waits["retry-after"]) <= 185
        assert RATE in answer.text
    assert 204 == _remote_write(other, 2_000).status
    assert (10, 3) == tuple(_limit(server, tenant, RATE)[field] for field in ("limit", "refused"))
    assert 0 == _limit(server, other, RATE)["refused"]
    metrics = call("GET", f"{server.url}/metrics").text
    assert f'bongsu_limit_refused_total{{limit="{RATE}",project="{tenant.project_id}"}} 3.0' in metrics


def test_a_scrape_over_the_rate_is_refused_and_the_target_says_why(server: ServerProcess) -> None:
    tenant = server.create_project("scraped", limits={RATE: 1})
    host = server.register_server(tenant, "machine")
    with PlainExporter("".join(f'm{{n="{i}"}} {i}\n' for i in range(500))) as exporter:
        job = tenant.sysmon("POST", "jobs", {"jobName": "j", "metricsPath": "/metrics"})["body"]["jobId"]
        tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": exporter.port})

        def reason() -> str:
            (target,) = tenant.sysmon("GET", f"jobs/{job}/targets")["body"]
            return str(target)

        eventually(lambda: RATE in reason(), what="the reason")
        eventually(lambda: len(tenant.query("last_over_time(m[1h])")) == 500, what="the first scrape")


def test_limits_of_series_are_counted_by_their_name(server: ServerProcess) -> None:
    tenant = server.create_project("few", limits={"max_series": 20, "max_label_value_bytes": 10})
    body = 'm{n="12345678901"} 1\n' + "".join(f'm{{n="{i}"}} 1\n' for i in range(40))
    answer = tenant.write(body)

    assert 400 == answer.status
    assert "(setting limits.max_series, default 1000000)" in answer.text
    series_limit = _limit(server, tenant, "max_series")
    assert 20 == series_limit["used"]
    assert series_limit["refused"] >= 20
    assert 1 == _limit(server, tenant, "max_label_value_bytes")["refused"]
