"""Numbers of the past: what the ticks were, merged by hand."""

from __future__ import annotations

import pytest
from tests.support.apm import LOCAL, span, span_id, spans
from tests.support.apm_api import NOW_MS, ApmApi

from bongsu.apm.settings import TICK_MS
from bongsu.wire.otlp.values import SpanKind

TICKS = [[100], [200, 400, 600], [], [50, 150]]
"""Durations in milliseconds of each tick's transactions."""
LAST_MS = NOW_MS + len(TICKS) * TICK_MS


async def api_with_history() -> ApmApi:
    api = ApmApi()
    for number, tick in enumerate(TICKS):
        await api.to(NOW_MS + number * TICK_MS + 2_000)
        items = [span(NOW_MS + number * TICK_MS + 1_000, elapsed_ms=elapsed) for elapsed in tick]
        api.engine.add_spans("alpha", spans(*items))
    await api.to(LAST_MS + api.settings.grace_ms)
    return api


@pytest.mark.anyio
async def test_bare_numbers_of_a_range_are_merged_from_its_ticks() -> None:
    api = await api_with_history()
    asked = {
        ("app_counter/tps", "avg"): "0.3",  # six in four ticks
        ("app_counter/tps", "max"): "0.6",
        ("app_counter/tx_count", "sum"): "6",
        ("app_counter/tx_count", "min"): "0",
        ("app_counter/resp_time", "avg"): "250",  # (100 + 200 + 400 + 600 + 50 + 150) / 6
        ("app_host_resource/cpu", "avg"): "0",
    }
    async with api.client() as client:
        for (field, merge), expected in asked.items():
            answer = await client.get(
                f"/open/api/raw/tag/{field}?stime={NOW_MS}&etime={LAST_MS}&timeMerge={merge}",
                headers=api.reader(),
            )
            assert (200, expected, "text/plain; charset=utf-8") == (
                answer.status_code,
                answer.text,
                answer.headers["content-type"],
            ), (field, merge)
        other = await client.get(
            f"/open/api/raw/tag/app_counter/tps?stime={NOW_MS}&etime={LAST_MS}", headers=api.reader("beta")
        )
    assert "0" == other.text


@pytest.mark.anyio
async def test_the_course_of_a_number_has_every_tick_and_coarser_steps_fold_them() -> None:
    api = await api_with_history()
    async with api.client() as client:
        fine = await client.get(f"/open/api/json/txcount/{NOW_MS}/{LAST_MS}?filter=s5", headers=api.reader())
        step = 300_000
        end = (LAST_MS // step + 1) * step
        coarse = await client.get(f"/open/api/json/txcount/{NOW_MS}/{end}", headers=api.reader())
        other = await client.get(f"/open/api/json/txcount/{NOW_MS}/{end}", headers=api.reader("beta"))
    expected = [
        {"time": NOW_MS + (number + 1) * TICK_MS, "value": len(tick)} for number, tick in enumerate(TICKS)
    ]
    assert {"records": expected, "total": 4} == fine.json()
    assert [{"time": end, "value": 6}] == coarse.json()["records"]
    assert [] == other.json()["records"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status", "error_id"),
    [
        (f"json/heap/{NOW_MS}/{LAST_MS}", 404, "unknown-path"),
        (f"json/tps/{LAST_MS}/{NOW_MS}", 400, "invalid-parameter"),
        (f"json/tps/{NOW_MS}/{LAST_MS}?filter=m1", 400, "invalid-parameter"),
        (f"json/tps/{NOW_MS}/{NOW_MS + 86_400_000}?filter=s5", 400, "invalid-parameter"),
        (f"raw/tag/app_counter/nothing?stime={NOW_MS}&etime={LAST_MS}", 404, "unknown-path"),
        ("raw/tag/app_counter/tps", 400, "invalid-parameter"),
        (f"raw/tag/app_counter/tps?stime={NOW_MS}&etime={NOW_MS}", 400, "invalid-parameter"),
        (f"raw/tag/app_counter/tps?stime={NOW_MS}&etime={LAST_MS}&timeMerge=p99", 400, "invalid-parameter"),
    ],
)
async def test_what_is_not_there_is_an_error_and_no_number(path: str, status: int, error_id: str) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(f"/open/api/{path}", headers=api.reader())
        keyless = await client.get(f"/open/api/{path}")
    assert (status, error_id) == (answer.status_code, answer.json()["id"])
    assert 401 == keyless.status_code


@pytest.mark.anyio
async def test_a_kept_transactions_spans_are_answered_and_searched() -> None:
    api = ApmApi()
    await api.to(NOW_MS + 2_000)
    root = span_id()
    entry = span(NOW_MS + 1_000, elapsed_ms=700, own_id=root, attributes={"http.route": "/pay"}, failed=True)
    query = span(
        NOW_MS + 900,
        elapsed_ms=500,
        kind=SpanKind.CLIENT,
        parent=root,
        flags=LOCAL,
        attributes={"db.query.text": "select 1"},
    )
    api.engine.add_spans(
        "alpha", spans(query, entry, span(NOW_MS + 1_500)._replace(trace_id=b"another-trace--1"))
    )
    await api.to(NOW_MS + 13_000)
    path = f"/open/api/json/transactions/{NOW_MS}/{NOW_MS + 60_000}"
    async with api.client() as client:
        [record] = (await client.get(f"{path}?failed=true&text=PAY", headers=api.reader())).json()["records"]
        for query_text, total in (
            ("route=/pay", 1),
            ("route=/other", 0),
            ("failed=false", 1),
            ("status=500", 0),
        ):
            assert total == (await client.get(f"{path}?{query_text}", headers=api.reader())).json()["total"]
        assert 400 == (await client.get(f"{path}?failed=yes", headers=api.reader())).status_code
        spans_path = f"/open/api/json/spans/{record['traceId']}"
        found = (await client.get(spans_path, headers=api.reader())).json()["records"]
        other = (await client.get(spans_path, headers=api.reader("beta"))).json()
        bad = await client.get("/open/api/json/spans/xyz", headers=api.reader())
    assert [("SERVER", 700.0, True), ("CLIENT", 500.0, False)] == [
        (one["kind"], one["elapsed"], one["failed"]) for one in found
    ]
    assert found[0]["spanId"] == found[1]["parentId"] == record["spanId"]
    assert {"db.query.text": "select 1"} == found[1]["attributes"]
    assert 0 == other["total"]
    assert (400, "invalid-parameter") == (bad.status_code, bad.json()["id"])
