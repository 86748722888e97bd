"""A Node application with OpenTelemetry's stock SDK from npm: its numbers are the schedule's arithmetic."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.apm_api import ApmApi
from tests.support.schedule import DEADLINE_S, in_one_tick, numbers_when, sealed_tick

from bongsu.apm.settings import ApmSettings
from bongsu.runtime.clock import SystemClock

pytestmark = pytest.mark.process

SOURCE = Path(__file__).parents[1] / "support" / "node_app"
INSTALL_SECONDS = 240


@pytest.fixture(scope="module")
def node_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the application's packages; skipped, and said so, where there is no node, npm or registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("NOT TESTED: a Node application; node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    try:
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--silent"],
            cwd=folder,
            timeout=INSTALL_SECONDS,
            check=False,
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("NOT TESTED: a Node application; npm did not install its packages in time")
    if done.returncode:
        pytest.skip(
            f"NOT TESTED: a Node application; npm could not install its packages: {done.stderr[-300:]}"
        )
    return folder


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.mark.timeout(INSTALL_SECONDS + 300)
def test_transactions_and_errors_of_a_node_application_are_the_schedules(node_app: Path) -> None:
    api = ApmApi(clock=SystemClock(), settings=ApmSettings(grace_ms=4_000))
    with api.served() as base:
        environment = {
            **os.environ,
            "NODE_OPTIONS": "--require @opentelemetry/auto-instrumentations-node/register",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{base}/otlp",
            "OTEL_EXPORTER_OTLP_HEADERS": f"X-TC-APP-KEY={api.key['alpha']}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_METRIC_EXPORT_TIMEOUT": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_SERVICE_NAME": "node-shop",
            "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=node-1",
            "OTEL_NODE_RESOURCE_DETECTORS": "env,host,process",
        }
        with subprocess.Popen(
            ["node", "app.js"],
            cwd=node_app,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline().split()[1])
                assert 200 == get(port, "/work")
                numbers_when(api, lambda n: n.act_agent == 1, "the agent")

                def run() -> None:
                    assert [200] * 12 + [500] * 3 == [get(port, "/work?ms=20") for _ in range(12)] + [
                        get(port, "/fail") for _ in range(3)
                    ]

                tick = sealed_tick(api, in_one_tick(run))
            finally:
                process.kill()
    assert (15, 3, 3.0) == (tick.numbers.txcount, tick.transactions.errors, tick.numbers.tps)
    assert 12 * 20 // 15 <= tick.numbers.rtime < 1_000
    assert ["node-shop/node-1"] == [str(agent.identity.agent) for agent in tick.agents]
    assert (1, 1) == (tick.numbers.host, tick.numbers.user)
    assert 0 == api.engine.newest("beta").numbers.act_agent
