"""Targets of the workspace API are scraped, seen in PromQL, and tell how they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter, free_port, node_exporter
from tests.support.process import eventually

if TYPE_CHECKING:
    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process


def _add_target(server: ServerProcess, tenant: Tenant, name: str, port: int) -> tuple[str, str]:
    hosts = tenant.sysmon("GET", "servers")["body"]
    host = hosts[0]["hostId"] if hosts else server.register_server(tenant, "machine")
    job = tenant.sysmon("POST", "jobs", {"jobName": name, "metricsPath": "/metrics"})["body"]["jobId"]
    target = tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": str(port)})["body"]
    return job, target


def test_a_real_node_exporter_is_scraped_with_the_labels_of_its_target(server: ServerProcess) -> None:
    tenant = server.create_project("node")
    with node_exporter() as port:
        _job, target = _add_target(server, tenant, "machines", port)
        rows = eventually(lambda: tenant.query("node_load1"), what="node_load1")

    labels = {
        "__name__": "node_load1",
        "job": "machines",
        "instance": f"127.0.0.1:{port}",
        "openmetrics_id": target,
    }
    assert [labels] == [row["metric"] for row in rows]
    assert "gauge" == tenant.prometheus("metadata", metric="node_load1")["node_load1"][0]["type"]


def test_scraped_values_are_exact_and_rates_follow(server: ServerProcess) -> None:
    tenant = server.create_project("exact")
    text = '# TYPE jobs_total counter\njobs_total{kind="a\\"b"} 3\njobs_total{kind="ü"} 1e300\n'
    with PlainExporter(text) as exporter:
        _add_target(server, tenant, "plain", exporter.port)
        rows = eventually(lambda: tenant.query("jobs_total"), what="jobs_total")
        eventually(lambda: tenant.query("rate(jobs_total[1m])"), what="two samples")

    assert {'a"b': "3", "ü": "1e+300"} == {row["metric"]["kind"]: row["value"][1] for row in rows}


def test_a_target_tells_why_it_is_not_collected_and_when_it_is_mended(server: ServerProcess) -> None:
    tenant = server.create_project("states")
    port = free_port()
    job, target = _add_target(server, tenant, "sick", port)

    def state() -> dict[str, Any]:
        body: dict[str, Any] = tenant.sysmon("GET", f"jobs/{job}/targets/{target}")["body"]
        return body

    refused = eventually(
        lambda: (body := state())["resultCd"] not in {None, 0} and body, what="a refused connection"
    )
    assert isinstance(refused, dict)
    assert "refused" in refused["failReason"]
    assert ["0"] == [row["value"][1] for row in eventually(lambda: tenant.query('up{job="sick"}'))]

    with PlainExporter("m 1\n", status=503) as exporter:
        job, target = _add_target(server, tenant, "broken", exporter.port)
        eventually(lambda: state()["resultCd"] == 503, what="HTTP 503")
        assert "503" in state()["failReason"]
        exporter.status = 200
        eventually(lambda: state()["resultCd"] == 0, what="a mended target")
        assert state()["failReason"] is None


def test_a_deleted_target_ends_its_series_and_keeps_its_samples(server: ServerProcess) -> None:
    tenant = server.create_project("ended")
    with PlainExporter("m 7\n") as exporter:
        job, target = _add_target(server, tenant, "short", exporter.port)
        eventually(lambda: tenant.query("m"), what="m")
        tenant.sysmon("DELETE", f"jobs/{job}/targets/{target}")
        eventually(lambda: not tenant.query("m"), what="the end of m")

    assert tenant.query("max_over_time(m[5m])")


def test_only_registered_servers_can_be_targets(server: ServerProcess) -> None:
    tenant = server.create_project("strict")
    job = tenant.sysmon("POST", "jobs", {"jobName": "j", "metricsPath": "/metrics"})["body"]["jobId"]
    foreign = server.register_server(server.create_project("owner"), "machine")

    answer = tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": foreign, "port": 9100})

    assert (-40004, "INVALID_HOST_OR_PROJECT") == (
        answer["header"]["resultCode"],
        answer["header"]["resultMessage"],
    )


def test_the_reserved_workspace_follows_the_servers_and_refuses_changes(server: ServerProcess) -> None:
    tenant = server.create_project("reserved")
    host = server.register_server(tenant, "machine")
    job = next(j for j in tenant.sysmon("GET", "jobs")["body"] if j["jobName"] == "@Linux")

    assert "LINUX" == job["reservedJobCd"]
    assert [(host, 9100)] == [
        (t["hostId"], t["port"]) for t in tenant.sysmon("GET", f"jobs/{job['jobId']}/targets")["body"]
    ]
    answer = tenant.sysmon("DELETE", f"jobs/{job['jobId']}")
    assert -40012 == answer["header"]["resultCode"]
