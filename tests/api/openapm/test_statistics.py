"""The statistics over HTTP, in the shape of the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.apm import LOCAL, resource, span, span_id, spans
from tests.support.apm_api import NOW_MS, ApmApi

from bongsu.api.openapm.statistics import signed_hash
from bongsu.apm.statistics import STEP_MS
from bongsu.wire.otlp.values import SpanKind

if TYPE_CHECKING:
    from bongsu.wire.otlp.values import AttributeValue, Span

RANGE = f"{NOW_MS}/{NOW_MS + 60_000}"


def call(attributes: dict[str, AttributeValue], elapsed_ms: int, *, failed: bool = False) -> Span:
    return span(
        NOW_MS + 1_000,
        elapsed_ms=elapsed_ms,
        kind=SpanKind.CLIENT,
        parent=span_id(),
        flags=LOCAL,
        failed=failed,
        attributes=attributes,
    )


async def api_with_calls() -> ApmApi:
    api = ApmApi()
    await api.to(NOW_MS + 2_000)
    database: dict[str, AttributeValue] = {
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "server.address": "db",
    }
    queries = [
        call(
            {**database, "db.query.text": f"SELECT * FROM t WHERE id = {i}", "db.response.returned_rows": 2},
            10 * i,
        )
        for i in (1, 3)
    ]
    http: dict[str, AttributeValue] = {"http.request.method": "GET", "url.full": "http://pay:8080/charge/7"}
    calls = [call(http, 40), call({**http, "http.response.status_code": 404}, 20)]
    raised = span(NOW_MS + 1_500, elapsed_ms=70, failed=True, attributes={"http.route": "/pay"})
    raised = raised._replace(exception=("shop.NoMoney", "3 missing"))
    api.engine.add_spans(
        "alpha",
        spans(
            *queries, *calls, raised, span(NOW_MS + 1_600, elapsed_ms=30, attributes={"http.route": "/pay"})
        ),
    )
    api.engine.add_spans(
        "alpha", spans(calls[0]._replace(span_id=span_id()), of=resource("i2", service="cart"))
    )
    await api.to(NOW_MS + 13_000)
    return api


async def records(api: ApmApi, path: str, project: str = "alpha") -> list[dict[str, Any]]:
    async with api.client() as client:
        answer = await client.get(f"/open/api/json/{path}", headers=api.reader(project))
    assert 200 == answer.status_code, answer.text
    document = answer.json()
    found: list[dict[str, Any]] = document["records"]
    assert len(found) == document["total"]
    return found


@pytest.mark.anyio
async def test_statements_have_the_shape_of_the_original() -> None:
    api = await api_with_calls()
    statement, database = "SELECT * FROM t WHERE id = ?", "postgresql://db/shop"
    assert [
        {
            "time_max": 30.0,
            "dbcHash": signed_hash(database),
            "db": database,
            "time_min": 10.0,
            "fetch_count": 4,
            "hash": signed_hash(statement),
            "fetch_time": 0,
            "sql_crud": "S",
            "count_total": 2,
            "count_error": 0,
            "sql": statement,
            "time_sum": 40.0,
            "time_avg": 20.0,
            "time_std": 10.0,
            "count_actived": 0,
        }
    ] == await records(api, f"sql/{RANGE}")
    assert [] == await records(api, f"sql/{RANGE}", "beta")


@pytest.mark.anyio
async def test_calls_of_other_servers_are_folded_and_split_by_who_calls() -> None:
    api = await api_with_calls()
    [folded] = await records(api, f"httpc/{RANGE}")
    assert {
        "Sum": 100.0,
        "Port": 8080,
        "Url": "/charge/*",
        "Host": "pay",
        "Max": 40.0,
        "Stdev": 9.428,
        "Actived": 0,
        "Avg": 33.333,
        "HostHash": signed_hash("pay"),
        "Min": 20.0,
        "Error": 1,
        "Total": 3,
        "UrlHash": signed_hash("/charge/*"),
    } == folded
    split = await records(api, f"httpc/{RANGE}/filter/host/pay/port/8080")
    assert [("shop", 2), ("cart", 1)] == [(record["Service"], record["Total"]) for record in split]
    assert signed_hash("shop") == split[0]["Service_hash"]
    assert [] == await records(api, f"httpc/{RANGE}/filter/host/pay/port/80")


@pytest.mark.anyio
async def test_exceptions_and_services_have_their_counts() -> None:
    api = await api_with_calls()
    [raised] = await records(api, f"exception/{RANGE}")
    assert {
        "oids": [signed_hash("shop/i1")],
        "time": NOW_MS + 1_500,
        "classHash": signed_hash("shop.NoMoney"),
        "count": 1,
        "service": "/pay",
        "class": "shop.NoMoney",
        "serviceHash": signed_hash("/pay"),
        "snapSeq": 0,
        "msg": "3 missing",
    } == raised
    [service] = await records(api, f"transaction/{RANGE}")
    assert ("/pay", 2, 1, 100.0, 50.0, 30.0, 70.0) == tuple(
        service[key]
        for key in ("service", "count_total", "count_error", "time_sum", "time_avg", "time_min", "time_max")
    )


@pytest.mark.anyio
async def test_an_agent_and_a_coarser_step_may_be_asked_for() -> None:
    api = await api_with_calls()
    of = {name: f"httpc/{RANGE}?oid={signed_hash(name)}" for name in ("shop/i1", "cart/i2", "none/i3")}
    totals = {name: [record["Total"] for record in await records(api, path)] for name, path in of.items()}
    assert {"shop/i1": [2], "cart/i2": [1], "none/i3": []} == totals
    hour = NOW_MS + 3_600_000
    assert [] == await records(api, f"sql/{hour}/{hour + STEP_MS}")
    assert 1 == len(await records(api, f"sql/{NOW_MS}/{NOW_MS}?filter=h1"))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        f"sql/{RANGE}?filter=s5",
        f"sql/{RANGE}?oid=web-1",
        f"sql/{NOW_MS}/{NOW_MS + 2 * 86_400_000}",
        f"exception/{NOW_MS + 1}/{NOW_MS}",
        "httpc/now/later",
    ],
)
async def test_what_cannot_be_answered_is_told(path: str) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(f"/open/api/json/{path}", headers=api.reader())
        keyless = await client.get(f"/open/api/json/{path}")
    assert (400, "invalid-parameter", 401) == (answer.status_code, answer.json()["id"], keyless.status_code)


def test_hashes_are_signed_numbers_of_32_bits() -> None:
    assert (0, -390_611_389, 907_060_870) == tuple(map(signed_hash, ("", "a", "hello")))
