from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.model.samples import MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.anyio


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    store = api.stores["alpha"]
    for name in ("node_cpu_seconds_total", "node_load1", "latency_bucket"):
        put(store, {"__name__": name, "instance": "a:9100", "Job": "node"}, [1.0])
    put(store, {"__name__": "node_old", "gone": "x"}, [1.0], end_ms=NOW_MS - 7_200_000)
    store.put_metadata([MetricMetadata("latency", "histogram", "How long.", "seconds")])
    put(api.stores["beta"], {"__name__": "node_hidden", "secret": "x"}, [1.0])
    yield api
    api.close()


def lines_of(response: httpx.Response) -> list[Any]:
    assert 200 == response.status_code, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_names_come_in_batches_and_end_with_a_trailer(api: PrometheusApi, method: str) -> None:
    fields = {"search[]": "node", "batch_size": "1", "limit": "2"}
    async with api.client() as client:
        response = await client.request(method, "/search/metric_names", params=fields)
        cut = await client.request(method, "/search/metric_names", params={**fields, "limit": "1"})

    assert [
        {"results": [{"name": "node_cpu_seconds_total"}]},
        {"results": [{"name": "node_load1"}]},
        {"status": "success", "has_more": False},
    ] == lines_of(response)
    assert {"status": "success", "has_more": True} == lines_of(cut)[-1]


async def test_scores_and_metadata_are_added_on_request(api: PrometheusApi) -> None:
    fields = {
        "search[]": "latency_bucket",
        "include_score": "true",
        "include_metadata": "true",
        "sort_by": "score",
    }
    async with api.client() as client:
        [batch, _] = lines_of(await client.get("/search/metric_names", params=fields))

    assert [
        {"name": "latency_bucket", "score": 1.0, "type": "histogram", "help": "How long.", "unit": "seconds"}
    ] == batch["results"]


async def test_labels_and_values_are_searched_too(api: PrometheusApi) -> None:
    async with api.client() as client:
        names = lines_of(
            await client.get("/search/label_names", params={"search[]": "JOB", "case_sensitive": "false"})
        )
        values = lines_of(
            await client.get("/search/label_values", params={"label": "instance", "match[]": "node_load1"})
        )
        old = lines_of(await client.get("/search/label_names", params={"start": "0", "search[]": "gone"}))
        fuzzy = lines_of(
            await client.get("/search/metric_names", params={"search[]": "nodeload1", "fuzz_threshold": "60"})
        )
        nothing = lines_of(await client.get("/search/metric_names", params={"search[]": "nothing"}))

    assert [{"name": "Job"}] == names[0]["results"]
    assert [{"name": "a:9100"}] == values[0]["results"]
    assert [{"name": "gone"}] == old[0]["results"]
    assert [{"name": "node_load1"}] == fuzzy[0]["results"]
    assert [{"status": "success", "has_more": False}] == nothing


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/search/label_values", {}),
        ("/search/metric_names", {"limit": "10001"}),
        ("/search/metric_names", {"limit": "0"}),
        ("/search/metric_names", {"batch_size": "0"}),
        ("/search/metric_names", {"fuzz_threshold": "101"}),
        ("/search/metric_names", {"fuzz_alg": "soundex"}),
        ("/search/metric_names", {"sort_by": "size"}),
        ("/search/metric_names", {"sort_by": "score", "sort_dir": "dsc"}),
        ("/search/metric_names", {"case_sensitive": "maybe"}),
        ("/search/metric_names", {"search[]": ["x"] * 33}),
        ("/search/metric_names", {"start": "2", "end": "1"}),
        ("/search/label_names", {"match[]": "{}"}),
    ],
)
async def test_values_that_are_not_allowed_are_refused(api: PrometheusApi, path: str, fields: Any) -> None:
    async with api.client() as client:
        response = await client.get(path, params=fields)

    assert (400, "bad_data") == (response.status_code, response.json()["errorType"])


async def test_another_project_is_invisible_to_search(api: PrometheusApi) -> None:
    async with api.client() as client:
        answers = [
            await client.get("/search/metric_names"),
            await client.get("/search/label_names"),
            await client.get("/search/label_values", params={"label": "secret"}),
        ]

    text = " ".join(answer.text for answer in answers)
    assert "hidden" not in text
    assert "secret" not in text
