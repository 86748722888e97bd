"""Targets, rules, status and administration."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import Counter, Gauge, Histogram
from tests.support.prometheus_api import NOW_MS, NotedMaintenance, PrometheusApi, put

from bongsu.api.prometheus.notifications import MOST_STREAMS
from bongsu.api.prometheus.targets import TargetView
from bongsu.control.values import Scope
from bongsu.model.samples import MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.anyio

NOW_S = NOW_MS // 1000


def view(pool: str, instance: str, **changes: Any) -> TargetView:  # any field
    fields: dict[str, Any] = {
        "discovered_labels": {"__address__": instance},
        "labels": {"instance": instance, "job": pool},
        "pool": pool,
        "url": f"http://{instance}/metrics",
        "health": "up",
        "interval_ms": 15_000,
        "timeout_ms": 10_000,
        "last_scrape_ms": NOW_MS - 500,
        "last_duration_s": 0.25,
    }
    return TargetView(**(fields | changes))


@pytest.fixture
def maintenance() -> NotedMaintenance:
    return NotedMaintenance()


@pytest.fixture
def api(maintenance: NotedMaintenance) -> Iterator[PrometheusApi]:
    api = PrometheusApi(features=frozenset({"promql-experimental-functions"}), maintenance=maintenance)
    store = api.stores["alpha"]
    for instance in ("a:1", "b:1"):
        labels = {"instance": instance, "job": "node"}
        put(store, {"__name__": "up", **labels}, [1.0] * 3)
        put(store, {"__name__": "latency_bucket", "le": "+Inf", **labels}, [1.0] * 3)
    store.put_metadata([MetricMetadata("latency", "histogram", "How long."), MetricMetadata("old", "gauge")])
    api.targets.views = {
        "alpha": [
            view("node", "a:1"),
            view("node", "b:1", health="down", last_error="connection refused"),
            view("shop", "c:1", health="unknown", last_scrape_ms=None, last_duration_s=0.0),
        ],
        "beta": [view("hidden", "z:1")],
    }
    yield api
    api.close()


def data_of(response: httpx.Response) -> Any:  # any JSON
    assert 200 == response.status_code, response.text
    return response.json()["data"]


async def test_targets_are_listed_with_their_health(api: PrometheusApi) -> None:
    async with api.client() as client:
        data = data_of(await client.get("/targets"))
        one_pool = data_of(await client.get("/targets", params={"scrapePool": "shop", "state": "any"}))
        dropped = data_of(await client.get("/targets", params={"state": "Dropped"}))

    assert {
        "discoveredLabels": {"__address__": "a:1"},
        "labels": {"instance": "a:1", "job": "node"},
        "scrapePool": "node",
        "scrapeUrl": "http://a:1/metrics",
        "globalUrl": "http://a:1/metrics",
        "lastError": "",
        "lastScrape": "2023-11-14T22:13:19.500Z",
        "lastScrapeDuration": 0.25,
        "health": "up",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    } == data["activeTargets"][0]
    assert ["up", "down", "unknown"] == [target["health"] for target in data["activeTargets"]]
    assert "0001-01-01T00:00:00Z" == data["activeTargets"][2]["lastScrape"]
    assert ([], {"node": 0, "shop": 0}) == (data["droppedTargets"], data["droppedTargetCounts"])
    assert ["shop"] == [target["scrapePool"] for target in one_pool["activeTargets"]]
    assert [] == dropped["activeTargets"]


async def test_scrape_pools_are_those_of_the_project(api: PrometheusApi) -> None:
    async with api.client() as client:
        assert {"scrapePools": ["node", "shop"]} == data_of(await client.get("/scrape_pools"))
    async with api.client("beta") as client:
        assert {"scrapePools": ["hidden"]} == data_of(await client.get("/scrape_pools"))


RULES = [
    {"source_labels": ["a"], "target_label": "b"},
    {"source_labels": ["b"], "regex": "x", "action": "drop"},
    {"target_label": "never", "replacement": "seen"},
]


async def test_dropped_targets_are_listed_and_counted(api: PrometheusApi) -> None:
    dropped = [
        TargetView(discovered_labels={"n": str(n)}, pool="shop", dropped=True, keep_dropped=2)
        for n in range(3)
    ]
    api.targets.views["alpha"] += dropped
    async with api.client() as client:
        data = data_of(await client.get("/targets"))
        active = data_of(await client.get("/targets", params={"state": "active"}))
        metadata = data_of(await client.get("/targets/metadata"))

    assert 3 == len(data["activeTargets"]) == len(active["activeTargets"])
    assert [{"discoveredLabels": {"n": n}, "scrapePool": "shop"} for n in "01"] == data["droppedTargets"]
    assert ({"node": 0, "shop": 3}, []) == (data["droppedTargetCounts"], active["droppedTargets"])
    assert 2 == len(metadata)


async def test_a_pool_shows_its_configuration_without_secrets(api: PrometheusApi) -> None:
    api.targets.options["node"] = {
        "basic_auth": {"username": "u", "password": "hunter2"},
        "honor_labels": True,
    }
    async with api.client() as client:
        config = json.loads(
            data_of(await client.get("/scrape_pools/config", params={"scrapePool": "node"}))["yaml"]
        )
        unknown = await client.get("/scrape_pools/config", params={"scrapePool": "hidden"})
        missing = await client.get("/scrape_pools/config")

    assert {
        "job_name": "node",
        "metrics_path": "/metrics",
        "basic_auth": {"username": "u", "password": "<secret>"},
        "honor_labels": True,
    } == config
    assert (404, 400) == (unknown.status_code, missing.status_code), "the other project's pool is unknown"


async def test_the_steps_of_relabelling_end_at_the_rule_that_drops(api: PrometheusApi) -> None:
    api.targets.options["node"] = {"relabel_configs": RULES}
    async with api.client() as client:
        steps = data_of(
            await client.get("/targets/relabel_steps", params={"scrapePool": "node", "labels": '{"a": "x"}'})
        )["steps"]
        bad = await client.get("/targets/relabel_steps", params={"scrapePool": "node", "labels": "a"})
        flat = await client.get("/targets/relabel_steps", params={"scrapePool": "node", "labels": "[1]"})

    assert [({"a": "x", "b": "x"}, True), ({"a": "x", "b": "x"}, False)] == [
        (s["output"], s["keep"]) for s in steps
    ]
    assert {"source_labels": ["b"], "regex": "x", "action": "drop"} == steps[1]["rule"]
    assert (400, 400) == (bad.status_code, flat.status_code)


async def test_metadata_of_targets_covers_what_they_gave_lately(api: PrometheusApi) -> None:
    async with api.client() as client:
        everything = data_of(await client.get("/targets/metadata"))
        one = data_of(await client.get("/targets/metadata", params={"match_target": '{instance="b:1"}'}))
        first = data_of(await client.get("/targets/metadata", params={"limit": "1", "metric": "latency"}))
        none = data_of(await client.get("/targets/metadata", params={"metric": "old"}))
        bad = await client.get("/targets/metadata", params={"match_target": "{"})

    entry = {"metric": "latency", "type": "histogram", "help": "How long.", "unit": ""}
    targets = [{"instance": "a:1", "job": "node"}, {"instance": "b:1", "job": "node"}]
    assert [{"target": target, **entry} for target in targets] == everything
    assert [{"target": targets[1], **entry}] == one
    assert [{"target": targets[0], **entry}] == first
    assert [] == none
    assert 'invalid parameter "match_target"' in bad.json()["error"]


async def test_rules_and_alerts_are_empty_and_their_parameters_checked(api: PrometheusApi) -> None:
    async with api.client() as client:
        assert {"groups": []} == data_of(await client.get("/rules", params={"type": "record"}))
        assert {"alerts": []} == data_of(await client.get("/alerts"))
        assert {"activeAlertmanagers": [], "droppedAlertmanagers": []} == data_of(
            await client.get("/alertmanagers")
        )
        bad = await client.get("/rules", params={"type": "x"})

    assert 400 == bad.status_code
    assert 'invalid parameter "type": not supported value "x"' in bad.json()["error"]


async def test_the_server_tells_its_version_settings_and_features(api: PrometheusApi) -> None:
    async with api.client() as client:
        build = data_of(await client.get("/status/buildinfo"))
        flags = data_of(await client.get("/status/flags"))
        config = data_of(await client.get("/status/config"))
        runtime = data_of(await client.get("/status/runtimeinfo"))
        replay = data_of(await client.get("/status/walreplay"))
        features = data_of(await client.get("/features"))

    assert "0.1.0" == build["version"]
    assert all(isinstance(value, str) for value in (*build.values(), *flags.values()))
    assert "promql-experimental-functions" == flags["enable-feature"]
    assert ("2m", "5m", "20") == (
        flags["query.timeout"],
        flags["query.lookback-delta"],
        flags["query.max-concurrency"],
    )
    assert "external_labels: {}" in config["yaml"]
    assert ("2023-11-14T22:13:20.000Z", 4, "15d") == (
        runtime["startTime"],
        runtime["timeSeriesCount"],
        runtime["storageRetention"],
    )
    assert "done" == replay["state"]
    assert features["promql_functions"]["mad_over_time"]
    assert not features["promql_functions"]["start_timestamp"]
    assert features["promql_functions"]["rate"]
    assert {"promql-experimental-functions": True} == {
        name: on for name, on in features["prometheus"].items() if on
    }


async def test_tsdb_status_counts_names_values_and_pairs(api: PrometheusApi) -> None:
    async with api.client() as client:
        data = data_of(await client.get("/status/tsdb"))
        top = data_of(await client.get("/status/tsdb", params={"limit": "1"}))
        bad = await client.get("/status/tsdb", params={"limit": "0"})

    assert (4, NOW_MS - 30_000, NOW_MS) == (
        data["headStats"]["numSeries"],
        data["headStats"]["minTime"],
        data["headStats"]["maxTime"],
    )
    assert [{"name": "latency_bucket", "value": 2}, {"name": "up", "value": 2}] == data[
        "seriesCountByMetricName"
    ]
    assert {"name": "instance", "value": 2} in data["labelValueCountByLabelName"]
    assert {"name": "job", "value": len("node")} in data["memoryInBytesByLabelName"]
    assert [{"name": "job=node", "value": 4}] == top["seriesCountByLabelValuePair"]
    assert 400 == bad.status_code


async def test_an_empty_project_has_a_status_too(api: PrometheusApi) -> None:
    async with api.client("beta") as client:
        data = data_of(await client.get("/status/tsdb"))

    assert {
        "numSeries": 0,
        "numLabelPairs": 0,
        "chunkCount": 0,
        "minTime": 2**63 - 1,
        "maxTime": -(2**63),
    } == data["headStats"]
    assert [] == data["seriesCountByMetricName"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_deletion_hides_the_matching_samples_of_the_range(api: PrometheusApi, method: str) -> None:
    put(api.stores["beta"], {"__name__": "up", "instance": "a:1"}, [1.0])
    async with api.client() as client:
        response = await client.request(
            method,
            "/admin/tsdb/delete_series",
            params={"match[]": 'up{instance="a:1"}', "start": NOW_S - 20, "end": NOW_S},
        )
        left = data_of(await client.get("/query", params={"query": "count_over_time(up[1m])", "time": NOW_S}))
    async with api.client("beta") as client:
        foreign = data_of(await client.get("/query", params={"query": "up", "time": NOW_S}))

    assert (204, b"") == (response.status_code, response.content)
    assert {"a:1": "1", "b:1": "3"} == {row["metric"]["instance"]: row["value"][1] for row in left["result"]}
    assert 1 == len(foreign["result"])


async def test_deletion_needs_the_scope_a_selector_and_a_range(api: PrometheusApi) -> None:
    match = {"match[]": "up"}
    async with api.client(key=api.read_key) as client:
        forbidden = await client.post("/admin/tsdb/delete_series", params=match)
    async with api.client() as client:
        unmatched = await client.post("/admin/tsdb/delete_series")
        backwards = await client.post("/admin/tsdb/delete_series", params={**match, "start": "2", "end": "1"})
        left = data_of(await client.get("/query", params={"query": "up", "time": NOW_S}))

    assert (403, 400, 400) == (forbidden.status_code, unmatched.status_code, backwards.status_code)
    assert 2 == len(left["result"])


async def test_maintenance_is_asked_of_the_store(api: PrometheusApi, maintenance: NotedMaintenance) -> None:
    async with api.client() as client:
        cleaned = await client.post("/admin/tsdb/clean_tombstones")
        snapshot = await client.put("/admin/tsdb/snapshot", params={"skip_head": "true"})
    async with api.client(key=api.read_key) as client:
        forbidden = await client.post("/admin/tsdb/snapshot")

    assert 204 == cleaned.status_code
    assert {"name": "20231114T221320Z-1"} == data_of(snapshot)
    assert 403 == forbidden.status_code
    assert [("clean", "alpha"), ("snapshot", "alpha", True)] == maintenance.asked


async def test_blocks_are_listed_as_tools_expect_them(
    api: PrometheusApi, maintenance: NotedMaintenance
) -> None:
    async with api.client(key=api.read_key) as client:
        (block,) = data_of(await client.get("/status/tsdb/blocks"))["blocks"]
    assert [("blocks", "alpha")] == maintenance.asked
    assert {
        "ulid": "01HF7YAT000000000000000007",
        "minTime": 1_700_000_000_000,
        "maxTime": 1_700_007_200_000,
        "stats": {"numSamples": 500, "numSeries": 3, "numChunks": 9},
        "compaction": {"level": 2, "sources": ["4", "5"]},
        "version": 1,
    } == block


@pytest.mark.parametrize(("damaged", "texts"), [(0, []), (2, ["2 parts of the store were found damaged"])])
async def test_damage_is_notified(damaged: int, texts: list[str]) -> None:
    api = PrometheusApi(damaged_parts=lambda: damaged)
    async with api.client() as client:
        found = data_of(await client.get("/notifications"))
    api.close()
    assert texts == [each["text"].partition(" and set")[0] for each in found]
    assert all(each["active"] for each in found)


async def test_changes_are_told_as_they_come() -> None:
    counts = iter([0, 2, 2, 0])

    def damaged() -> int:
        count = next(counts, None)
        watched.stopping = count is None
        return count or 0

    watched = PrometheusApi(damaged_parts=damaged)
    async with watched.client() as client:
        stream = asyncio.create_task(client.get("/notifications/live"))
        await _until_over(watched, stream)
    watched.close()
    told = [json.loads(line[6:]) for line in stream.result().text.splitlines() if line.startswith("data: ")]
    assert "text/event-stream" == stream.result().headers["content-type"].partition(";")[0]
    assert [True, False] == [each["active"] for each in told]
    assert all(each["text"].startswith("2 parts of the store") for each in told)


async def test_there_are_so_many_streams_and_no_more() -> None:
    looks: list[None] = []

    def look() -> int:
        looks.append(None)
        return 0

    api = PrometheusApi(damaged_parts=look)
    async with api.client() as client:
        streams = [asyncio.create_task(client.get("/notifications/live")) for _ in range(MOST_STREAMS)]
        while len(looks) < MOST_STREAMS:  # noqa: ASYNC110 - the looks are in threads
            await asyncio.sleep(0.001)
        assert 204 == (await client.get("/notifications/live")).status_code
        api.stopping = True
        await _until_over(api, asyncio.gather(*streams))
    api.close()
    assert [200] * MOST_STREAMS == [stream.result().status_code for stream in streams]


async def test_a_stream_ends_with_its_key(api: PrometheusApi) -> None:
    async with api.client() as client:
        stream = asyncio.create_task(client.get("/notifications/live"))
        await api.clock.advance(1.0)
        api.keys.grants.clear()
        api.keys.changes += 1
        await _until_over(api, stream)
    assert stream.done()


async def _until_over(api: PrometheusApi, work: asyncio.Future[Any]) -> None:
    """Let time pass until the work is done; looking at the store takes a thread, so real time passes too."""
    while not work.done():
        await api.clock.advance(1.0)
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("path", ["/prometheus/-/reload", "/prometheus/-/quit"])
async def test_the_lifecycle_is_not_in_the_hands_of_clients(api: PrometheusApi, path: str) -> None:
    async with api.client() as client:
        url = client.base_url.join(path)
        statuses = [(await client.request(method, url)).status_code for method in ("POST", "PUT", "GET")]
    assert [403, 403, 405] == statuses


async def test_what_the_store_does_not_offer_is_said(api: PrometheusApi) -> None:
    bare = PrometheusApi()
    async with bare.client() as client:
        response = await client.post("/admin/tsdb/snapshot")
    bare.close()

    assert (404, "not_found") == (response.status_code, response.json()["errorType"])
    assert "not offered by this server's store" in response.json()["error"]


@pytest.mark.parametrize("path", ["", "/", "/-/healthy", "/-/ready"])
async def test_the_base_of_the_api_answers_without_a_key(api: PrometheusApi, path: str) -> None:
    async with api.client(key="") as client:
        response = await client.get(f"http://bongsu.test/prometheus{path}")

    assert 200 == response.status_code
    assert response.text


async def test_another_project_is_invisible_to_status_and_targets(api: PrometheusApi) -> None:
    key = api.keys.add(api.projects["beta"], "k2", scopes=frozenset({Scope.READ}))
    async with api.client(key=key) as client:
        answers = [
            await client.get(path)
            for path in (
                "/targets",
                "/targets/metadata",
                "/scrape_pools",
                "/status/tsdb",
                "/status/runtimeinfo",
            )
        ]

    text = " ".join(answer.text for answer in answers)
    assert {200} == {answer.status_code for answer in answers}
    assert not [word for word in ("node", "shop", "a:1", "latency") if word in text]
    assert '"timeSeriesCount":0' in text


async def test_the_servers_own_metrics_are_told_as_json(api: PrometheusApi) -> None:
    histogram = Histogram("own_seconds", "Time.", ["kind"], buckets=(1.0,), registry=api.registry)
    histogram.labels("a").observe(0.5)
    Counter("own_things", "Things.", registry=api.registry).inc(2)
    Gauge("own_level", "Level.", registry=api.registry).set(float("inf"))
    async with api.client() as client:
        families = data_of(await client.get("/status/self_metrics", params={"metric_name_pattern": "own_.*"}))
        none = data_of(await client.get("/status/self_metrics", params={"metric_name_pattern": "own"}))
        bad = await client.get("/status/self_metrics", params={"metric_name_pattern": "("})
    by_name = {family["name"]: (family["type"], family["metric"]) for family in families}

    assert ("COUNTER", [{"label": [], "counter": {"value": 2.0}}]) == by_name["own_things_total"]
    assert ("GAUGE", [{"label": [], "gauge": {"value": "Infinity"}}]) == by_name["own_level"]
    buckets = [
        {"upperBound": 1.0, "cumulativeCount": "1"},
        {"upperBound": "Infinity", "cumulativeCount": "1"},
    ]
    content = {"bucket": buckets, "sampleCount": "1", "sampleSum": 0.5}
    assert ("HISTOGRAM", [{"label": [{"name": "kind", "value": "a"}], "histogram": content}]) == by_name[
        "own_seconds"
    ]
    assert ([], 400) == (none, bad.status_code)
