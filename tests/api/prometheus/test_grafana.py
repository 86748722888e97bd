"""The requests that a Grafana data source sends, as it sends them, and what it needs back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.model.samples import MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

NOW_S = NOW_MS // 1000
RANGE = {"start": str(NOW_S - 3600), "end": str(NOW_S)}
BROWSER_HEADERS = {
    "X-Grafana-User": "admin",
    "X-Grafana-Org-Id": "1",
    "X-Dashboard-UID": "d",
    "X-Panel-Id": "2",
    "FromAlert": "false",
    "X-Scope-OrgID": "anything",
    "Cookie": "grafana_session=abc",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
"""What Grafana passes on from the browser or adds by itself; none of it may matter."""


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    store = api.stores["alpha"]
    for instance in ("a:9100", "b:9100"):
        put(store, {"__name__": "up", "instance": instance, "job": "node"}, [1.0] * 9)
        put(
            store,
            {"__name__": "http_requests_total", "instance": instance, "job": "node", "service.name": "shop"},
            [15.0 * i for i in range(81)],
        )
    store.put_metadata(
        [MetricMetadata("http_requests_total", "counter", "Requests."), MetricMetadata("up", "gauge")]
    )
    yield api
    api.close()


def data_of(response: httpx.Response) -> Any:  # any JSON
    assert 200 == response.status_code, response.text
    body = response.json()
    assert "success" == body["status"]
    assert body["data"] is not None
    return body["data"]


@pytest.fixture(params=["GET", "POST"])
def method(request: pytest.FixtureRequest) -> str:
    """Return the method that the data source is set to."""
    return str(request.param)


async def ask(
    api: PrometheusApi, method: str, path: str, fields: dict[str, Any], url: str = ""
) -> httpx.Response:
    async with api.client() as client:
        client.headers.update(BROWSER_HEADERS)
        if method == "GET":
            return await client.get(path, params=httpx.QueryParams(url.lstrip("?")).merge(fields))
        return await client.post(path + url, data=fields)


async def test_save_and_test_asks_for_one_plus_one_and_for_the_version(
    api: PrometheusApi, method: str
) -> None:
    sum_ = data_of(await ask(api, method, "/query", {"query": "1+1", "time": "4"}))
    build = data_of(await ask(api, method, "/status/buildinfo", {}))

    assert {"resultType": "scalar", "result": [4, "2"]} == sum_
    assert isinstance(build["version"], str)
    # Without `features` the source counts as Prometheus, whose rules are read-only.
    assert "features" not in build


async def test_a_panel_asks_for_a_range(api: PrometheusApi, method: str) -> None:
    fields = {
        "query": 'sum by(job) (rate(http_requests_total{job=~"node|x"}[5m0s]))',
        "start": f"{NOW_S - 600}.000",
        "end": f"{NOW_S}.000",
        "step": "15.000",
    }
    url = "?stats=all&max_samples_processed_warning_threshold=10&max_samples_processed_error_threshold=20"
    data = data_of(await ask(api, method, "/query_range", fields, url))

    assert "matrix" == data["resultType"]
    [row] = data["result"]
    assert {"job": "node"} == row["metric"]
    assert 41 == len(row["values"])
    assert [NOW_S, pytest.approx(2.0)] == [row["values"][-1][0], float(row["values"][-1][1])]
    assert isinstance(data["stats"]["samples"]["totalQueryableSamples"], int)


async def test_explore_asks_for_an_instant(api: PrometheusApi, method: str) -> None:
    for query, kind in (("up", "vector"), ("1", "scalar"), ('"text"', "string"), ("up[1m]", "matrix")):
        data = data_of(await ask(api, method, "/query", {"query": query, "time": f"{NOW_S}.123"}))
        assert ["resultType", "result"] == list(data)
        assert kind == data["resultType"]


async def test_exemplars_are_probed_at_start_up_with_milliseconds(api: PrometheusApi, method: str) -> None:
    probe = {"query": "test", "start": str(NOW_MS - 3_600_000), "end": str(NOW_MS)}

    assert [] == data_of(await ask(api, method, "/query_exemplars", probe))


async def test_the_metric_browser_asks_for_names_and_their_types(api: PrometheusApi) -> None:
    names = data_of(await ask(api, "GET", "/label/__name__/values", {**RANGE, "limit": "40000"}))
    metadata = data_of(await ask(api, "GET", "/metadata", {"limit": "40000"}))

    assert ["http_requests_total", "up"] == names
    assert [{"type": "counter", "help": "Requests.", "unit": ""}] == metadata["http_requests_total"]


async def test_the_label_browser_asks_for_names_and_values(api: PrometheusApi, method: str) -> None:
    match = {"match[]": 'up{job="node"}'}
    names = data_of(await ask(api, method, "/labels", {**RANGE, **match, "limit": "40000"}))
    values = data_of(await ask(api, "GET", "/label/instance/values", {**RANGE, **match, "limit": "0"}))
    escaped = data_of(await ask(api, "GET", "/label/U__service_2e_name/values", RANGE))

    assert ["__name__", "instance", "job"] == names
    assert ["a:9100", "b:9100"] == values
    assert ["shop"] == escaped


async def test_template_variables_ask_for_series_names_and_results(api: PrometheusApi, method: str) -> None:
    series = data_of(
        await ask(api, method, "/series", {**RANGE, "match[]": '{__name__!=""}', "limit": "40000"})
    )
    metrics = data_of(
        await ask(api, "GET", "/label/__name__/values", {"match[]": '{__name__=~".*requests.*"}'})
    )
    result = data_of(await ask(api, method, "/query", {"query": "count(up)", "time": str(NOW_S)}))

    assert 4 == len(series)
    assert ["http_requests_total"] == metrics
    assert "2" == result["result"][0]["value"][1]


async def test_ad_hoc_filters_send_many_selectors(api: PrometheusApi) -> None:
    fields = {"match[]": ['up{instance="a:9100"}', "http_requests_total"], "limit": "1000"}

    assert ["__name__", "instance", "job", "service.name"] == data_of(
        await ask(api, "POST", "/labels", fields)
    )


async def test_alerting_asks_for_rules_and_alerts(api: PrometheusApi) -> None:
    fields = {"file[]": "x", "rule_group[]": "y", "exclude_alerts": "true", "type": "alert"}

    assert {"groups": []} == data_of(await ask(api, "GET", "/rules", {}))
    assert {"groups": []} == data_of(await ask(api, "GET", "/rules", fields))
    assert {"alerts": []} == data_of(await ask(api, "GET", "/alerts", {}))
    assert "query.timeout" in data_of(await ask(api, "GET", "/status/flags", {}))


async def test_errors_have_the_statuses_whose_text_is_shown(api: PrometheusApi, method: str) -> None:
    malformed = await ask(api, method, "/query", {"query": "sum(("})
    failing = await ask(api, method, "/query", {"query": "up * on(job) up", "time": str(NOW_S)})

    assert (400, 422) == (malformed.status_code, failing.status_code)
    assert {"status", "errorType", "error"} == set(malformed.json()) == set(failing.json())
