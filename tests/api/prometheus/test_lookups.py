from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.model.samples import Exemplar, MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.anyio

UP = {"__name__": "up", "instance": "a:9100", "job": "node"}
UP_B = {"__name__": "up", "instance": "b:9100", "job": "node"}
LOAD = {"__name__": "node_load1", "instance": "a:9100", "job": "node", "mo.de": "x"}
SECRET = {"__name__": "secret_metric", "tenant": "beta", "instance": "hidden"}


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    for labels in (UP, UP_B, LOAD):
        put(api.stores["alpha"], labels, [1.0, 2.0])
    put(api.stores["beta"], SECRET, [1.0])
    api.stores["alpha"].put_metadata(
        [
            MetricMetadata("up", "gauge", "Whether it is up."),
            MetricMetadata("node_load1", "gauge", "Load."),
            MetricMetadata("node_load1", "counter", "Another."),
        ]
    )
    api.stores["beta"].put_metadata([MetricMetadata("secret_metric", "gauge")])
    yield api
    api.close()


def data_of(response: httpx.Response) -> Any:  # any JSON
    assert (200, "success") == (response.status_code, response.json()["status"])
    return response.json()["data"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_labels_lists_the_names_of_the_matching_series(api: PrometheusApi, method: str) -> None:
    async with api.client() as client:
        everything = await client.request(method, "/labels")
        matching = await client.request(method, "/labels", params={"match[]": 'up{instance="a:9100"}'})

    assert ["__name__", "instance", "job", "mo.de"] == data_of(everything)
    assert ["__name__", "instance", "job"] == data_of(matching)


async def test_several_selectors_are_a_union_wherever_they_are_sent(api: PrometheusApi) -> None:
    async with api.client() as client:
        split = await client.post("/label/__name__/values", params={"match[]": "up"})
        merged = await client.post(
            "/series", params={"match[]": 'up{instance="a:9100"}'}, data={"match[]": ["node_load1"]}
        )
        as_json = await client.post(
            "/series", json={"match[]": ["up", "node_load1"], "start": NOW_MS // 1000 - 60, "limit": "1"}
        )

    assert 405 == split.status_code
    assert [LOAD, UP] == data_of(merged)
    assert [LOAD] == data_of(as_json)
    assert ["results truncated due to limit"] == as_json.json()["warnings"]


async def test_values_of_a_label_are_sorted_and_bounded(api: PrometheusApi) -> None:
    async with api.client() as client:
        names = await client.get("/label/__name__/values")
        limited = await client.get("/label/instance/values", params={"limit": "1"})
        unlimited = await client.get("/label/instance/values", params={"limit": "0"})
        unknown = await client.get("/label/nothing/values")

    assert ["node_load1", "up"] == data_of(names)
    assert ["a:9100"] == data_of(limited)
    assert ["results truncated due to limit"] == limited.json()["warnings"]
    assert ["a:9100", "b:9100"] == data_of(unlimited)
    assert "warnings" not in unlimited.json()
    assert [] == data_of(unknown)


@pytest.mark.parametrize("name", ["mo.de", "U__mo_2e_de", "mo%2Ede"])
async def test_a_label_name_may_be_escaped(api: PrometheusApi, name: str) -> None:
    async with api.client() as client:
        assert ["x"] == data_of(await client.get(f"/label/{name}/values"))


@pytest.mark.parametrize("name", ["", "%ff"])
async def test_a_label_name_that_is_none_is_refused(api: PrometheusApi, name: str) -> None:
    async with api.client() as client:
        response = await client.get(f"/label/{name}/values")

    assert 400 == response.status_code
    assert response.json()["error"].startswith("invalid label name")


async def test_times_bound_the_look_ups(api: PrometheusApi) -> None:
    before = {"start": "1000", "end": "2000"}
    everything = {"start": "-292273086-05-16T16:47:06Z", "end": "292277025-08-18T07:12:54.999999999Z"}
    async with api.client() as client:
        for path in ("/labels", "/label/job/values"):
            assert [] == data_of(await client.get(path, params=before))
            assert data_of(await client.get(path, params=everything))
        assert [] == data_of(await client.get("/series", params={"match[]": "up", **before}))
        backwards = {"start": str(NOW_MS // 1000), "end": "0"}
        assert [] == data_of(await client.get("/labels", params=backwards))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/series", "no match[] parameter provided"),
        ("/series?match[]={}", "at least one non-empty matcher"),
        ('/series?match[]={a=~".*"}', "at least one non-empty matcher"),
        ("/labels?match[]=foo{", 'invalid parameter "match[]": 1:5: parse error'),
        ("/labels?match[]=rate(up[5m])", 'invalid parameter "match[]": '),
        ("/labels?limit=-1", 'invalid parameter "limit"'),
        ("/labels?limit=x", 'invalid parameter "limit"'),
        ("/labels?start=x", 'invalid parameter "start": cannot parse "x" to a valid timestamp'),
        ("/labels?start=%ff", "not valid UTF-8"),
        ("/metadata?limit=x", 'invalid parameter "limit"'),
    ],
)
async def test_bad_parameters_are_told_apart(api: PrometheusApi, path: str, text: str) -> None:
    async with api.client() as client:
        response = await client.get(path)

    assert (400, "error", "bad_data") == (
        response.status_code,
        response.json()["status"],
        response.json()["errorType"],
    )
    assert text in response.json()["error"]


async def test_metadata_has_type_help_and_unit_of_each_metric(api: PrometheusApi) -> None:
    async with api.client() as client:
        everything = data_of(await client.get("/metadata", params={"limit": "40000"}))
        one = data_of(await client.get("/metadata", params={"metric": "up"}))
        first = data_of(await client.get("/metadata", params={"limit": "1", "limit_per_metric": "1"}))
        unknown = data_of(await client.get("/metadata", params={"metric": "secret_metric"}))

    assert {"up": [{"type": "gauge", "help": "Whether it is up.", "unit": ""}]} == one
    assert ["node_load1", "up"] == sorted(everything)
    assert ["counter", "gauge"] == [entry["type"] for entry in everything["node_load1"]]
    assert {"node_load1": [{"type": "counter", "help": "Another.", "unit": ""}]} == first
    assert {} == unknown


async def test_exemplars_are_those_of_the_series_that_a_query_selects(api: PrometheusApi) -> None:
    store = api.stores["alpha"]
    ref = 0  # the store numbers series in the order of their making
    store.put_exemplars([ref], [Exemplar((("trace_id", "abc"),), 0.5, NOW_MS - 1500)])
    span = {"start": NOW_MS / 1000 - 60, "end": NOW_MS / 1000}
    async with api.client() as client:
        found = await client.post("/query_exemplars", data={"query": "rate(up[5m]) / 2", **span})
        none = await client.get("/query_exemplars", params={"query": "1 + 1", **span})
        # Grafana asks so at start-up, with milliseconds where seconds are meant.
        probe = await client.get("/query_exemplars", params={"query": "test", "start": NOW_MS, "end": NOW_MS})
        backwards = await client.get("/query_exemplars", params={"query": "up", "start": 2, "end": 1})

    exemplar = {"labels": {"trace_id": "abc"}, "value": "0.5", "timestamp": (NOW_MS - 1500) / 1000}
    assert [{"seriesLabels": UP, "exemplars": [exemplar]}] == data_of(found)
    assert [] == data_of(none)
    assert [] == data_of(probe)
    assert 400 == backwards.status_code


async def test_another_project_is_invisible_to_every_look_up(api: PrometheusApi) -> None:
    async with api.client() as client:
        answers = [
            await client.get("/labels"),
            await client.get("/labels", params={"match[]": "secret_metric"}),
            await client.get("/label/__name__/values"),
            await client.get("/label/tenant/values"),
            await client.get("/series", params={"match[]": '{__name__!=""}'}),
            await client.get("/metadata"),
            await client.get("/query_exemplars", params={"query": "secret_metric"}),
            await client.get("/status/tsdb"),
        ]
    async with api.client("beta") as client:
        own = await client.get("/series", params={"match[]": '{__name__!=""}'})

    text = json.dumps([data_of(answer) for answer in answers])
    assert not [word for word in ("secret", "tenant", "beta", "hidden") if word in text]
    assert [SECRET] == data_of(own)


async def test_look_ups_that_are_asked_again_see_what_was_written_meanwhile(api: PrometheusApi) -> None:
    async with api.client() as client:
        for number in range(3):
            put(api.stores["alpha"], {"__name__": "again", "number": f"{number}"}, [1.0])
            names = (await client.get("/label/number/values")).json()["data"]
            series = (await client.get("/series", params={"match[]": "again"})).json()["data"]

            assert [f"{n}" for n in range(number + 1)] == names
            assert number + 1 == len(series)
