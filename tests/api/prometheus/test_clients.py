"""Real clients over a real socket: promtool, and the Python client of the Prometheus API."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_api_client import PrometheusConnect
from tests.support.prometheus_api import PrometheusApi, put
from tests.support.staged_engine import StagedEngine

from bongsu.api.prometheus.routes import PREFIX
from bongsu.query.service import QueryLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 30.0

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    now_ms = int(time.time()) * 1000  # clients ask for the time of their own clock
    api = PrometheusApi(now_ms=now_ms)
    put(api.stores["alpha"], {"__name__": "up", "instance": "a", "job": "node"}, [1.0] * 240, end_ms=now_ms)
    put(api.stores["alpha"], {"__name__": "up", "instance": "b", "job": "node"}, [0.0] * 240, end_ms=now_ms)
    put(api.stores["beta"], {"__name__": "up", "instance": "hidden"}, [1.0], end_ms=now_ms)
    yield api
    api.close()


def promtool(*arguments: str) -> str:
    return subprocess.run(
        ["promtool", "query", *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def with_key(base: str, api: PrometheusApi) -> str:
    """Return a URL that carries the key as the password of basic authentication."""
    return base.replace("//", f"//alpha:{api.key['alpha']}@") + "/prometheus"


@needs_promtool
def test_promtool_queries_lists_and_looks_up(api: PrometheusApi) -> None:
    now_s = api.clock.now_ms() // 1000
    with api.served() as base:
        url = with_key(base, api)
        instant = promtool("instant", url, "up")
        ranged = promtool(
            "range",
            f"--start={now_s - 60}",
            f"--end={now_s}",
            "--step=30s",
            url,
            "sum(up)",
        )
        series = promtool("series", "--match=up", url)
        labels = promtool("labels", url, "instance")

    assert {'up{instance="a", job="node"} => 1', 'up{instance="b", job="node"} => 0'} == {
        line.partition(" @")[0] for line in instant.splitlines()
    }
    assert 3 == ranged.count("1 @[")
    assert [
        '{__name__="up", instance="a", job="node"}',
        '{__name__="up", instance="b", job="node"}',
    ] == sorted(series.splitlines())
    assert ["a", "b"] == labels.splitlines()


@needs_promtool
def test_promtool_shows_the_error_of_a_malformed_query(api: PrometheusApi) -> None:
    with api.served() as base, pytest.raises(subprocess.CalledProcessError) as caught:
        promtool("instant", with_key(base, api), "sum((")

    assert 'bad_data: invalid parameter "query": 1:6: parse error' in caught.value.stderr


def test_the_python_client_finds_metrics_and_values(api: PrometheusApi) -> None:
    with api.served() as base:
        client = PrometheusConnect(url=f"{base}/prometheus", headers={"X-TC-APP-KEY": api.key["alpha"]})
        names = client.all_metrics()
        now = client.custom_query("sum by(job) (up)")
        values = client.get_label_values("instance")
        connected = client.check_prometheus_connection()

    assert ["up"] == names
    assert [({"job": "node"}, "1")] == [(row["metric"], row["value"][1]) for row in now]
    assert ["a", "b"] == values
    assert connected


def test_a_client_that_goes_away_cancels_its_query() -> None:
    engine = StagedEngine()
    api = PrometheusApi(engine=engine)
    request = f"GET {PREFIX}/query?query=1 HTTP/1.1\r\nHost: x\r\nX-TC-APP-KEY: {api.key['alpha']}\r\n\r\n"
    with api.served() as base:
        host, _, port = base.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=WAIT_S) as connection:
            connection.sendall(request.encode())
            assert engine.started.acquire(timeout=WAIT_S)
        deadline = time.monotonic() + WAIT_S
        while api.queries.active() and time.monotonic() < deadline:
            time.sleep(0.01)
    api.close()

    assert 1.0 == api.registry.get_sample_value("bongsu_query_ended_total", {"outcome": "cancelled"})


def test_a_query_that_outlives_the_server_s_timeout_is_answered_all_the_same() -> None:
    engine = StagedEngine()
    api = PrometheusApi(engine=engine, limits=QueryLimits(max_concurrent=1, timeout_s=0.1))
    with api.served() as base:
        url = f"{base}{PREFIX}/query?query=1"
        answer = httpx.get(url, headers={"X-TC-APP-KEY": api.key["alpha"]}, timeout=WAIT_S)
    api.close()

    assert (503, "timeout") == (answer.status_code, answer.json()["errorType"])
    assert answer.json()["error"].startswith("query timed out in expression evaluation")
