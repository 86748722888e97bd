from __future__ import annotations

import shutil
import struct
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from tests.naive.remote_read import BOTH, CHUNKS_ONLY, SAMPLES_ONLY, read_stream, request, response
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put
from tests.support.prometheus_peer import running_prometheus

from bongsu.api.prometheus.read import STREAMED
from bongsu.api.prometheus.routes import BASE, PREFIX
from bongsu.model.histograms import Histogram
from bongsu.model.labels import series_key
from bongsu.model.samples import HistogramRows, SampleBatch
from bongsu.runtime.compress import compress_snappy, decompress_snappy
from bongsu.wire.messages import Message
from bongsu.wire.remote_write.histograms import read_histogram

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


def put_histogram(api: PrometheusApi) -> Histogram:
    histogram = Histogram(0, 0.0, 0.0, 3.0, 4.0, ((1, 1),), (3.0,))
    store = api.stores["alpha"]
    ref = store.resolve([series_key({"__name__": "h"})]).refs
    rows = HistogramRows(ref, np.array([NOW_MS], dtype=np.int64), (histogram,))
    nothing = np.empty(0, dtype=np.int64)
    assert 1 == store.append(SampleBatch(nothing, nothing, nothing.astype(np.float64), None, rows)).written
    return histogram


async def test_a_reader_of_chunks_gets_a_stream_sorted_by_labels(api: PrometheusApi) -> None:
    queries = request((0, 1, UP), (NOW_MS - 15_000, NOW_MS, UP), types=BOTH)
    answer = await read(api, compress_snappy(queries))

    assert (200, STREAMED) == (answer.status_code, answer.headers["content-type"])
    assert [
        (1, {"__name__": "up", "instance": "a"}, [(NOW_MS - 15_000, 2.0), (NOW_MS, 3.0)]),
        (1, {"__name__": "up", "instance": "b"}, [(NOW_MS - 15_000, 1.0), (NOW_MS, 0.0)]),
    ] == [
        (frame.query, frame.labels, [(t, struct.unpack("<d", value)[0]) for t, value in frame.floats])
        for frame in read_stream(answer.content)
    ]


async def test_native_histograms_come_in_the_kind_of_answer_that_is_wanted_first(api: PrometheusApi) -> None:
    histogram = put_histogram(api)
    anything = (0, NOW_MS, [(2, "__name__", "h|up")])
    samples = await read(api, compress_snappy(request(anything, types=SAMPLES_ONLY + CHUNKS_ONLY)))
    chunks = await read(api, compress_snappy(request(anything, types=BOTH)))
    content = decompress_snappy(samples.content, 1 << 20)
    (result,) = Message(content, 0, len(content)).messages(1)
    raw = result.messages(1)[0].raw(4).partition(b":")[2]

    assert "application/x-protobuf" == samples.headers["content-type"]
    assert (NOW_MS, histogram) == ((found := read_histogram(raw, 0, len(raw))).timestamp, found.value)
    assert STREAMED == chunks.headers["content-type"]
    frames = {frame.labels["__name__"]: frame for frame in read_stream(chunks.content)}
    assert {"h", "up"} == frames.keys()
    assert [(NOW_MS, histogram)] == frames["h"].histograms


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"not snappy", {}, 400),
        (compress_snappy(b"\xff"), {}, 400),
        (compress_snappy(request((1, 2, []))), {}, 400),
        (compress_snappy(request((1, 2, [(2, "a", "(")]))), {}, 400),
        (compress_snappy(request((1, 2, []), types=CHUNKS_ONLY)), {}, 400),
        (compress_snappy(request((1, 2, UP), types=b"\x10\x09")), {}, 400),
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
