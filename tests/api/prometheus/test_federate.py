from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.labels import series_key
from bongsu.model.samples import STALE_NAN, HistogramRows, SampleBatch
from bongsu.wire.exposition.negotiation import (
    NATIVE_PROTOCOLS,
    Format,
    accept_header,
    format_of,
    parse_exposition,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.anyio


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    alpha = api.stores["alpha"]
    put(alpha, {"__name__": "up", "instance": "b", "job": "node"}, [0.0, 1.0])
    put(alpha, {"__name__": "up", "instance": "a", "job": "node"}, [1.0, 1e-7], end_ms=NOW_MS - 5000)
    put(alpha, {"__name__": "up", "instance": "ended", "job": "node"}, [1.0, STALE_NAN])
    put(alpha, {"__name__": "up", "instance": "old", "job": "node"}, [1.0], end_ms=NOW_MS - 300_000)
    put(alpha, {"__name__": "job:up:sum", "path": 'a"\n'}, [2.5])
    put(alpha, {"job": "node", "nameless": "yes"}, [1.0])
    put(api.stores["beta"], {"__name__": "up", "instance": "hidden"}, [1.0])
    yield api
    api.close()


async def federate(api: PrometheusApi, *selectors: str, key: str | None = None) -> httpx.Response:
    async with api.client(key=key) as client:
        return await client.get("http://bongsu.test/prometheus/federate", params={"match[]": list(selectors)})


async def test_the_newest_sample_of_each_living_series_is_handed_on_once(api: PrometheusApi) -> None:
    response = await federate(api, "up", '{job="node"}', '{__name__=~"job:.*"}')

    assert 200 == response.status_code
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert [
        "# TYPE job:up:sum untyped",
        f'job:up:sum{{instance="",path="a\\"\\n"}} 2.5 {NOW_MS}',
        "# TYPE up untyped",
        f'up{{instance="a",job="node"}} 1e-07 {NOW_MS - 5000}',
        f'up{{instance="b",job="node"}} 1 {NOW_MS}',
    ] == response.text.splitlines()


def put_histograms(api: PrometheusApi) -> tuple[Histogram, Histogram]:
    store = api.stores["alpha"]
    native = Histogram(0, 0.001, 1.0, 6.0, 4.0, ((1, 1), (1, 1)), (3.0, 2.0))
    custom = Histogram(
        CUSTOM_BUCKETS_SCHEMA, 0.0, 0.0, 6.0, 4.0, ((1, 2),), (4.0, 2.0), custom_values=(0.5, 1.0)
    )
    empty = Histogram(0, 0.0, 0.0, 0.0, 0.0)
    ended = Histogram(0, 0.0, 0.0, 0.0, STALE_NAN)
    keys = [series_key({"__name__": "h", "kind": kind}) for kind in ("native", "custom", "empty", "ended")]
    refs, times = store.resolve(keys).refs, np.full(4, NOW_MS, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    rows = HistogramRows(refs, times, (native, custom, empty, ended))
    assert 4 == store.append(SampleBatch(nothing, nothing, np.empty(0), None, rows)).written
    return native, empty


async def test_native_histograms_are_federated_in_protobuf_and_custom_ones_as_classic(
    api: PrometheusApi,
) -> None:
    native, empty = put_histograms(api)
    async with api.client() as client:
        text = await client.get("http://bongsu.test/prometheus/federate", params={"match[]": "h"})
        answer = await client.get(
            "http://bongsu.test/prometheus/federate",
            params={"match[]": ["h", "up"]},
            headers={"Accept": accept_header(NATIVE_PROTOCOLS)},
        )
    classic = {"h_bucket": [0.0, 4.0, 6.0], "h_count": [6.0], "h_sum": [4.0]}
    read = parse_exposition(answer.content, Format.PROTOBUF)
    labels = [dict(read.labels[series]) for series in read.series]
    found: dict[str, list[float]] = {}
    for own, value in zip(labels, read.values, strict=True):
        found.setdefault(own["__name__"], []).append(value)

    assert Format.PROTOBUF is format_of(answer.headers["content-type"])
    # An empty histogram tells by an empty span that it is a native one.
    assert [("empty", replace(empty, positive_spans=((0, 0),))), ("native", native)] == [
        (labels[row]["kind"], h) for row, h in read.histograms.items()
    ]
    assert classic == {name: values for name, values in found.items() if name.startswith("h_")}
    assert ["0.5", "1.0", "+Inf"] == [own["le"] for own in labels if own["__name__"] == "h_bucket"]
    assert {"up": {NOW_MS, NOW_MS - 5000}} == {
        "up": {read.timestamps[row] for row, own in enumerate(labels) if own["__name__"] == "up"}
    }
    assert ["h_bucket"] * 3 + ["h_count", "h_sum"] == [
        line.partition("{")[0] for line in text.text.splitlines() if line[0] != "#"
    ]


async def test_federation_needs_selectors_and_a_key_that_reads(api: PrometheusApi) -> None:
    assert 400 == (await federate(api)).status_code
    assert 400 == (await federate(api, "{")).status_code
    assert 401 == (await federate(api, "up", key="x.y")).status_code
    assert 403 == (await federate(api, "up", key=api.write_key)).status_code


async def test_another_project_is_invisible_to_federation(api: PrometheusApi) -> None:
    response = await federate(api, '{__name__=~".+"}', key=api.key["beta"])

    assert ["# TYPE up untyped", f'up{{instance="hidden"}} 1 {NOW_MS}'] == response.text.splitlines()
