from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.naive.remote_read import request, response
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put
from tests.support.prometheus_peer import running_prometheus

from bongsu.api.prometheus.routes import BASE, PREFIX
from bongsu.runtime.compress import compress_snappy, decompress_snappy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

WAIT_S = 60.0
UP = [(0, "__name__", "up")]


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    put(api.stores["alpha"], {"__name__": "up", "instance": "b"}, [1.0, 0.0])
    put(api.stores["alpha"], {"__name__": "up", "instance": "a"}, [1.0, 2.0, 3.0])
    put(api.stores["beta"], {"__name__": "up", "instance": "hidden"}, [1.0])
    yield api
    api.close()


async def read(api: PrometheusApi, body: bytes, **headers: str) -> httpx.Response:
    async with api.client() as client:
        return await client.post(
            "/read", content=body, headers={"Content-Type": "application/x-protobuf", **headers}
        )


async def test_a_read_gives_the_raw_samples_sorted_by_labels(api: PrometheusApi) -> None:
    queries = request(
        (NOW_MS - 15_000, NOW_MS, UP),
        (NOW_MS + 1, NOW_MS + 2, UP),
        (-(2**63), 2**63 - 1, [(2, "instance", "a|x")]),
    )
    answer = await read(api, compress_snappy(queries), **{"Content-Encoding": "snappy"})
    results = response(decompress_snappy(answer.content, 1 << 20))

    assert (200, "snappy") == (answer.status_code, answer.headers["content-encoding"])
    assert ["a", "b"] == [labels["instance"] for labels, _ in results[0]]
    assert [2, 2] == [len(samples) for _, samples in results[0]]
    assert [] == results[1]
    assert [NOW_MS - 30_000, NOW_MS - 15_000, NOW_MS] == [t for t, _ in results[2][0][1]]
    assert b"hidden" not in answer.content


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not snappy", {}, 400),
        (compress_snappy(b"\xff"), {}, 400),
        (compress_snappy(request((1, 2, []))), {}, 400),
        (compress_snappy(request((1, 2, [(2, "a", "(")]))), {}, 400),
        (compress_snappy(b""), {"Content-Encoding": "gzip"}, 415),
        # Four bytes that promise more than 4 MiB.
        (b"\xb1\xe2\xf0~", {}, 413),
    ],
)
async def test_damaged_reads_are_refused(
    api: PrometheusApi, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert status == (await read(api, body, **headers)).status_code


async def test_reading_needs_a_key_that_reads(api: PrometheusApi) -> None:
    async with api.client(key=api.write_key) as client:
        assert 403 == (await client.post("/read", content=b"")).status_code


CONFIG = """
global: {{scrape_interval: 1s}}
remote_read:
- url: {url}{prefix}/read
  read_recent: true
  authorization: {{credentials: {key}}}
scrape_configs:
- job_name: federate
  honor_labels: true
  metrics_path: {base}/federate
  params: {{"match[]": ['{{__name__="temperature"}}']}}
  authorization: {{credentials: {key}}}
  static_configs: [{{targets: ['{address}']}}]
"""


def wait_for(peer: str, query: str) -> Any:  # any JSON
    """Return the rows of an instant query as soon as there are any."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = httpx.get(f"{peer}/query", params={"query": query})
        rows = answer.json().get("data", {}).get("result")
        if rows:
            return rows
        time.sleep(0.1)
    pytest.fail(f"{query} gave nothing: {answer.text}")


@pytest.mark.differential
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_a_real_prometheus_reads_from_us_and_federates(tmp_path: Path) -> None:
    now_ms = int(time.time()) * 1000
    api = PrometheusApi(now_ms=now_ms)
    put(api.stores["alpha"], {"__name__": "up", "instance": "a", "job": "far"}, [1.0] * 40, end_ms=now_ms)
    put(api.stores["alpha"], {"__name__": "temperature", "instance": "a", "room": "x"}, [20.5], end_ms=now_ms)
    put(api.stores["beta"], {"__name__": "up", "instance": "hidden", "job": "far"}, [1.0], end_ms=now_ms)
    with api.served() as url:
        address = url.removeprefix("http://")
        (tmp_path / "prometheus.yml").write_text(
            CONFIG.format(url=url, prefix=PREFIX, base=BASE, key=api.key["alpha"], address=address)
        )
        with running_prometheus(tmp_path) as peer:
            read_back = wait_for(peer, 'count_over_time(up{job="far"}[5m])')
            federated = wait_for(peer, 'temperature{job="federate"}')
    api.close()

    assert [{"instance": "a", "job": "far"}] == [row["metric"] for row in read_back]
    assert 19 <= float(read_back[0]["value"][1]) <= 21
    assert [({"__name__": "temperature", "instance": "a", "room": "x", "job": "federate"}, "20.5")] == [
        (row["metric"], row["value"][1]) for row in federated
    ]
