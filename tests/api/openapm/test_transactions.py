"""The hit map and the transactions behind it, over HTTP."""

from __future__ import annotations

import pytest
from tests.support.apm import span, spans
from tests.support.apm_api import NOW_MS, ApmApi

RANGE = f"{NOW_MS}/{NOW_MS + 60_000}"


async def api_with_transactions() -> ApmApi:
    api = ApmApi()
    await api.to(NOW_MS + 4_000)
    items = [
        span(NOW_MS + 1_000, elapsed_ms=50, user="ann"),
        span(
            NOW_MS + 1_500,
            elapsed_ms=700,
            failed=True,
            attributes={"http.route": "/pay", "http.status_code": 500},
        ),
    ]
    api.engine.add_spans("alpha", spans(*items))
    await api.to(NOW_MS + 13_000)
    return api


@pytest.mark.anyio
async def test_the_hit_map_counts_by_tick_and_response_time() -> None:
    api = await api_with_transactions()
    async with api.client() as client:
        document = (await client.get(f"/open/api/json/hitmap/{RANGE}", headers=api.reader())).json()
        other = (await client.get(f"/open/api/json/hitmap/{RANGE}", headers=api.reader("beta"))).json()
    assert 120 == len(document["bounds"])
    rows = [{"row": 0, "well": 1, "failed": 0}, {"row": 5, "well": 0, "failed": 1}]
    assert [{"time": NOW_MS + 5_000, "rows": rows}] == document["records"]
    assert [] == other["records"]


@pytest.mark.anyio
async def test_transactions_are_found_by_time_and_duration() -> None:
    api = await api_with_transactions()
    async with api.client() as client:
        path = f"/open/api/json/transactions/{RANGE}"
        everything = (await client.get(path, headers=api.reader())).json()
        slow = (await client.get(f"{path}?min=500&max=1000", headers=api.reader())).json()
        other = (await client.get(path, headers=api.reader("beta"))).json()
    assert [700.0, 50.0] == [record["elapsed"] for record in everything["records"]]
    [record] = slow["records"]
    assert (True, "/pay", 500, "shop/i1", NOW_MS + 1_500) == tuple(
        record[key] for key in ("failed", "route", "status", "oname", "time")
    )
    assert 16 == len(everything["records"][1]["user"])
    assert 0 == other["total"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        f"{NOW_MS}/now",
        f"{NOW_MS}/{NOW_MS - 1}",
        f"{NOW_MS}/{NOW_MS + 86_400_001}",
        f"-1/{NOW_MS}",
        f"{RANGE}?min=x",
    ],
)
async def test_wrong_ranges_are_refused(path: str) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(f"/open/api/json/transactions/{path}", headers=api.reader())
    assert (400, "invalid-parameter") == (answer.status_code, answer.json()["id"])


@pytest.mark.anyio
async def test_the_calls_need_a_token_and_its_pcode() -> None:
    api = ApmApi()
    async with api.client() as client:
        for name in ("hitmap", "transactions"):
            headers = {**api.reader(), "x-whatap-pcode": "7"}
            assert 403 == (await client.get(f"/open/api/json/{name}/{RANGE}", headers=headers)).status_code
            assert 401 == (await client.get(f"/open/api/json/{name}/{RANGE}")).status_code
