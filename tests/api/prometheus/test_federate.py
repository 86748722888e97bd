from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.model.samples import STALE_NAN

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


async def test_federation_needs_selectors_and_a_key_that_reads(api: PrometheusApi) -> None:
    assert 400 == (await federate(api)).status_code
    assert 400 == (await federate(api, "{")).status_code
    assert 401 == (await federate(api, "up", key="x.y")).status_code
    assert 403 == (await federate(api, "up", key=api.write_key)).status_code


async def test_another_project_is_invisible_to_federation(api: PrometheusApi) -> None:
    response = await federate(api, '{__name__=~".+"}', key=api.key["beta"])

    assert ["# TYPE up untyped", f'up{{instance="hidden"}} 1 {NOW_MS}'] == response.text.splitlines()
