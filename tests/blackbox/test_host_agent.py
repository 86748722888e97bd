"""The real host agent against the real server, over an address of this machine that is not loopback."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.support.exporters import PlainExporter, free_port
from tests.support.process import BONGSU, ServerProcess, Tenant, eventually, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.process

QUICK = {"BONGSU_SCRAPE_INTERVAL": "1s", "BONGSU_SCRAPE_TIMEOUT": "1s", "BONGSU_APM_GRACE": "1s"}


def own_address() -> str | None:
    """Return an IPv4 address of this machine that other machines could use."""
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family == socket.AF_INET and not entry.address.startswith(("127.", "169.254.")):
                return str(entry.address)
    return None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback: an agent's registration cannot be tested")
    folder = tmp_path_factory.mktemp("server") / "data"
    with running_server(folder, "--listen", f"{address}:0", **QUICK) as process:
        yield process


@contextlib.contextmanager
def host_agent(
    tenant: Tenant, log: Path, *options: str, url: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        BONGSU,
        "agent",
        "host",
        "--url",
        url or tenant.url,
        "--key",
        tenant.appkey,
        "--period",
        "1s",
        *options,
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def test_the_machine_is_a_server_with_metrics_and_the_servers_own_scrapes(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant, other = server.create_project("machines"), server.create_project("others")
    with host_agent(tenant, tmp_path / "log", "--name", "web-1") as process:
        [listed] = eventually(lambda: tenant.sysmon("GET", "servers")["body"], what="the server")
        assert ("web-1", own_address()) == (listed["hostNm"], listed["svrIp"])
        [row] = eventually(lambda: tenant.query("system_cpu_logical_count"), what="the cores")
        assert (str(os.cpu_count()), "bongsu-host-agent", "web-1") == (
            row["value"][1],
            row["metric"]["job"],
            row["metric"]["instance"],
        )
        names = (
            'system_memory_usage_bytes{system_memory_state="used"}',
            'system_filesystem_usage_bytes{system_filesystem_state="used"}',
            "sum(rate(system_network_io_bytes_total[10s]))",
            'sum by (cpu_mode) (system_cpu_utilization_ratio{cpu_mode="idle"})',
        )
        for name in names:
            eventually(functools.partial(tenant.query, name), what=name)
        assert 0.0 == tenant.number("act_agent"), "a machine is no application"
        [job] = [j for j in tenant.sysmon("GET", "jobs")["body"] if j["reservedJobCd"]]
        [target] = tenant.sysmon("GET", f"jobs/{job['jobId']}/targets")["body"]
        assert 9100 == int(target["port"])
        assert process.poll() is None
    assert [] == other.sysmon("GET", "servers")["body"]


def test_a_machine_that_collects_itself_pushes_what_the_server_would_have_scraped(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("behind-nat")
    # It listens on loopback only: the server could not reach it at the registered address.
    text = '# TYPE jobs_total counter\njobs_total{kind="a\\"b"} 3\n'
    with (
        PlainExporter(text) as exporter,
        host_agent(tenant, tmp_path / "log", "--collect", "agent", "--name", "nat"),
    ):
        [listed] = eventually(lambda: tenant.sysmon("GET", "servers")["body"], what="the server")
        job = tenant.sysmon("POST", "jobs", {"jobName": "plain", "metricsPath": "/metrics"})["body"]["jobId"]
        body = {"hostId": listed["hostId"], "port": str(exporter.port)}
        target = tenant.sysmon("POST", f"jobs/{job}/targets", body)["body"]
        [row] = eventually(lambda: tenant.query("jobs_total"), what="pushed samples")
        assert {
            "__name__": "jobs_total",
            "kind": 'a"b',
            "job": "plain",
            "instance": f"{own_address()}:{exporter.port}",
            "openmetrics_id": target,
        } == row["metric"]
        eventually(lambda: tenant.query('up{job="plain"} == 1'), what="up")

        def state(of: str) -> int | None:
            found = tenant.sysmon("GET", f"jobs/{of}/targets")["body"]
            code: int | None = found[0]["resultCd"]
            return code

        eventually(lambda: state(job) == 0, what="the outcome of a good target")
        dead = tenant.sysmon("POST", "jobs", {"jobName": "dead", "metricsPath": "/metrics"})["body"]["jobId"]
        tenant.sysmon("POST", f"jobs/{dead}/targets", {"hostId": listed["hostId"], "port": str(free_port())})
        eventually(lambda: state(dead) == -2, what="the outcome of a target that nobody serves")
        metadata = eventually(lambda: tenant.prometheus("metadata", metric="jobs_total"), what="metadata")
        assert "counter" == metadata["jobs_total"][0]["type"]


def test_samples_wait_while_the_server_is_away(tmp_path: Path) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    data, options = tmp_path / "data", ("--listen", f"{address}:0")
    with PlainExporter("# TYPE level gauge\nlevel 7\n") as exporter, contextlib.ExitStack() as stack:
        with running_server(data, *options, **QUICK) as server:
            tenant, port = server.first_project, server.url.rpartition(":")[2]
            stack.enter_context(host_agent(tenant, tmp_path / "log", "--collect", "agent", "--name", "nat"))
            [listed] = eventually(lambda: tenant.sysmon("GET", "servers")["body"], what="the server")
            job = tenant.sysmon("POST", "jobs", {"jobName": "p", "metricsPath": "/m"})["body"]["jobId"]
            body = {"hostId": listed["hostId"], "port": str(exporter.port)}
            tenant.sysmon("POST", f"jobs/{job}/targets", body)
            eventually(lambda: tenant.query("level"), what="pushed samples")
        away = time.time()
        time.sleep(4)  # the outage; what is scraped meanwhile is looked for below
        back = time.time()
        with running_server(data, "--listen", f"{address}:{port}", **QUICK) as server:
            tenant = server.first_project

            def during() -> bool:
                rows = tenant.query(f"count_over_time(level[{int(back - away)}s] @ {back:.3f})")
                return bool(rows) and int(rows[0]["value"][1]) >= 3

            eventually(during, what="the samples of the outage")


def test_what_the_server_refuses_ends_the_agent_with_the_reason(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("refused")
    log = tmp_path / "log"
    wrong = Tenant(tenant.url, tenant.project_id, tenant.pcode, tenant.token, tenant.token)
    with host_agent(wrong, log) as process:
        assert 1 == process.wait(60)
    assert "this call needs 'write'" in log.read_text()
    assert [] == tenant.sysmon("GET", "servers")["body"]
