"""Real exporters of different kinds as targets: a prober, a gateway with times of its own, and a collector's plug-in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter
from tests.support.free_port import free_port
from tests.support.peers import installed, peer, running
from tests.support.process import call, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process


def target(
    server: ServerProcess,
    tenant: Tenant,
    job_name: str,
    port: int,
    options: dict[str, Any],
    path: str = "/metrics",
) -> None:
    """Let the server scrape a port of this machine under some options."""
    hosts = tenant.sysmon("GET", "servers")["body"]
    host = hosts[0]["hostId"] if hosts else server.register_server(tenant, "machine")
    job = tenant.sysmon("POST", "jobs", {"jobName": job_name, "metricsPath": path})["body"]["jobId"]
    url = f"{server.url}/admin/v1/projects/{tenant.project_id}/workspaces/{job}/scrape"
    answer = call("PUT", url, headers=server.admin_headers, body=options)
    assert 200 == answer.status, answer.text
    tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": str(port)})


def test_a_prober_is_asked_about_a_target(server: ServerProcess, tmp_path: Path) -> None:
    """The blackbox exporter: the registered address becomes a parameter, and the prober's the one that is scraped."""
    tenant = server.create_project("probes")
    (tmp_path / "blackbox.yml").write_text("modules: {ok: {prober: http, timeout: 2s}}\n")
    port = free_port()
    command = [
        installed("prometheus-blackbox-exporter", "prometheus-blackbox-exporter"),
        "--config.file=blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    rules = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{port}"},
    ]
    with PlainExporter("x 1\n") as probed, running(command, tmp_path, f"http://127.0.0.1:{port}/metrics"):
        options = {"params": {"module": ["ok"]}, "relabel_configs": rules}
        target(server, tenant, "probe", probed.port, options, path="/probe")
        rows = eventually(lambda: tenant.query("probe_success == 1"), what="a probe that succeeded")
    assert f"127.0.0.1:{probed.port}" == rows[0]["metric"]["instance"]


def test_a_gateways_own_labels_are_honored(server: ServerProcess, tmp_path: Path) -> None:
    tenant = server.create_project("gateway")
    port = free_port()
    command = [
        installed("prometheus-pushgateway", "prometheus-pushgateway"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, tmp_path, f"http://127.0.0.1:{port}/-/ready"):
        pushed = call(
            "POST",
            f"http://127.0.0.1:{port}/metrics/job/backup/instance/night",
            body=b"# TYPE done counter\ndone 7\n",
        )
        assert 200 == pushed.status, pushed.text
        drop = [{"source_labels": ["__name__"], "regex": "(go|process)_.*", "action": "drop"}]
        target(server, tenant, "gateway", port, {"honor_labels": True, "metric_relabel_configs": drop})
        rows = eventually(lambda: tenant.query("done"), what="what was pushed")
    assert [("backup", "night", "7")] == [
        (row["metric"]["job"], row["metric"]["instance"], row["value"][1]) for row in rows
    ]
    assert [] == tenant.query('{__name__=~"go_.*"}')
    assert [] != tenant.query('pushgateway_build_info{job="gateway"}')


def test_collectd_is_scraped_with_its_own_times(server: ServerProcess, tmp_path: Path) -> None:
    tenant = server.create_project("collectd")
    port = free_port()
    (tmp_path / "collectd.conf").write_text(
        f'BaseDir "{tmp_path}"\nPIDFile "{tmp_path}/pid"\nInterval 1\nHostname "box"\nLoadPlugin load\n'
        f'LoadPlugin write_prometheus\n<Plugin write_prometheus>\n  Host "127.0.0.1"\n  Port "{port}"\n</Plugin>\n'
    )
    command = [installed("collectd", "collectd-core"), "-f", "-C", "collectd.conf"]
    with running(command, tmp_path, f"http://127.0.0.1:{port}/metrics"):
        target(
            server, tenant, "collectd", port, {"scrape_protocols": ["PrometheusProto", "PrometheusText0.0.4"]}
        )
        rows = eventually(lambda: tenant.query("collectd_load_shortterm"), what="the load")
    assert "collectd" == rows[0]["metric"]["job"]
    assert (
        "gauge"
        == tenant.prometheus("metadata", metric="collectd_load_shortterm")["collectd_load_shortterm"][0][
            "type"
        ]
    )


def test_vmalert_evaluates_rules_over_us_and_writes_back(server: ServerProcess, tmp_path: Path) -> None:
    tenant = server.create_project("vmalert")
    port = free_port()
    rules = {
        "groups": [
            {
                "name": "g",
                "interval": "1s",
                "rules": [
                    {"record": "job:x:double", "expr": "2 * sum by (job) (x)"},
                    {"alert": "A", "expr": "x > 0"},
                ],
            }
        ]
    }
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    key = tenant.appkey
    command = [
        peer("vmalert"),
        "-rule=rules.yml",
        f"-datasource.url={server.url}/prometheus",
        f"-datasource.bearerToken={key}",
        f"-remoteWrite.url={server.url}/prometheus",
        f"-remoteWrite.bearerToken={key}",
        "-remoteWrite.flushInterval=200ms",
        f"-remoteRead.url={server.url}/prometheus",
        f"-remoteRead.bearerToken={key}",
        "-notifier.blackhole",
        f"-httpListenAddr=127.0.0.1:{port}",
    ]
    with PlainExporter("x 21\n") as exporter:
        target(server, tenant, "x", exporter.port, {})
        eventually(lambda: tenant.query("x"), what="a scrape")
        with running(command, tmp_path, f"http://127.0.0.1:{port}/health"):
            rows = eventually(lambda: tenant.query("job:x:double"), what="a recorded series")
            eventually(lambda: tenant.query('ALERTS{alertname="A",alertstate="firing"}'), what="an alert")
    assert ["42"] == [row["value"][1] for row in rows]
