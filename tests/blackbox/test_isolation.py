"""A second project sees nothing of the first, through any API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.support.otlp_json import gauge_request, server_span, spans_request
from tests.support.process import call, eventually

if TYPE_CHECKING:
    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def tenants(server: ServerProcess) -> tuple[Tenant, Tenant]:
    """Two projects; the first has samples, transactions, a server and a workspace."""
    rich, poor = server.create_project("rich"), server.create_project("poor")
    server.register_server(rich, "machine")
    rich.sysmon("POST", "jobs", {"jobName": "secret-job", "metricsPath": "/metrics"})
    key = {"X-TC-APP-KEY": rich.appkey}
    now = time.time_ns() // 1_000_000
    answer = call(
        "POST", f"{server.url}/otlp/v1/metrics", headers=key, body=gauge_request("secret_metric", 1, now)
    )
    assert 200 == answer.status

    def transactions_show() -> bool:
        now = time.time_ns() // 1_000_000
        spans = [server_span(now, now - 100, now, user="u1")]
        assert (
            200 == call("POST", f"{server.url}/otlp/v1/traces", headers=key, body=spans_request(spans)).status
        )
        return rich.number("txcount") > 0

    eventually(transactions_show, what="a transaction")
    eventually(lambda: rich.query("secret_metric"), what="the sample")
    return rich, poor


def test_no_series_label_or_metadata_of_another_project_shows(tenants: tuple[Tenant, Tenant]) -> None:
    rich, poor = tenants

    assert rich.prometheus("series", **{"match[]": '{__name__!=""}'})
    assert [] == poor.prometheus("series", **{"match[]": "secret_metric"})
    assert "secret_metric" in rich.prometheus("label/__name__/values")
    assert "secret_metric" not in poor.prometheus("label/__name__/values")
    assert "secret_metric" not in poor.prometheus("metadata")
    assert [] == poor.query("secret_metric")


def test_no_application_number_of_another_project_shows(tenants: tuple[Tenant, Tenant]) -> None:
    _, poor = tenants
    names = "act_agent inact_agent host cpucore txcount tps user actx rtime cpu threadpool_active threadpool_queue"

    assert {0.0} == {poor.number(name) for name in (*names.split(), "dbc_count", "dbc_active", "dbc_idle")}


def test_no_workspace_or_server_of_another_project_shows(tenants: tuple[Tenant, Tenant]) -> None:
    _, poor = tenants

    assert [] == poor.sysmon("GET", "servers")["body"]
    assert ["@Linux"] == [job["jobName"] for job in poor.sysmon("GET", "jobs")["body"]]


def test_a_good_key_does_not_open_another_project(tenants: tuple[Tenant, Tenant]) -> None:
    rich, poor = tenants
    sysmon = f"{poor.url}/v1.0/projects/{rich.project_id}/servers"
    headers = {"X-TC-APP-KEY": poor.appkey, "X-SYSMON-REGION": "kr"}

    assert 403 == call("GET", sysmon, headers=headers).status
    apm = {"x-whatap-token": poor.token, "x-whatap-pcode": str(rich.pcode)}
    assert 403 == call("GET", f"{poor.url}/open/api/tps", headers=apm).status


@pytest.mark.parametrize(
    "path",
    ["/prometheus/api/v1/query?query=1", "/v1.0/projects/x/jobs", "/open/api/tps", "/admin/v1/projects"],
)
def test_without_a_key_nothing_opens(server: ServerProcess, path: str) -> None:
    assert 401 == call("GET", f"{server.url}{path}").status
    wrong = {
        "X-TC-APP-KEY": "no.key",
        "x-whatap-token": "no.key",
        "x-whatap-pcode": "1",
        "Authorization": "Bearer no.key",
    }
    assert 401 == call("GET", f"{server.url}{path}", headers=wrong).status


def test_a_reading_key_does_not_write(tenants: tuple[Tenant, Tenant]) -> None:
    rich, _ = tenants
    headers = {"X-TC-APP-KEY": rich.token}
    body = gauge_request("intruder", 1, time.time_ns() // 1_000_000)

    assert 403 == call("POST", f"{rich.url}/otlp/v1/metrics", headers=headers, body=body).status
    assert [] == rich.query("intruder")
