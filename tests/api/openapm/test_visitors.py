"""Users of days and months over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
from tests.support.apm import span, spans
from tests.support.apm_api import NOW_MS, ApmApi

from bongsu.apm.visitors import DAY_MS, VisitorFiles

if TYPE_CHECKING:
    from pathlib import Path

FIRST = NOW_MS // DAY_MS * DAY_MS
"""The 14th of November 2023."""


async def visited(tmp_path: Path) -> ApmApi:
    """Return an API whose project alpha saw ann on three days in two months, and others on one each."""
    api = ApmApi(visitors=VisitorFiles(tmp_path, structlog.get_logger()))
    for day, other in ((0, "ben"), (16, "eve"), (17, "joe")):
        at = FIRST + day * DAY_MS + 3_600_000
        await api.to(max(at, api.manual.now_ms()))
        at = api.manual.now_ms()
        api.engine.add_spans("alpha", spans(span(at, user="ann"), span(at, user=other)))
        await api.to(at + 20_000)
    return api


async def ask(api: ApmApi, path: str, project: str = "alpha") -> dict[str, Any]:
    async with api.client() as client:
        answer = await client.get(f"/open/api/json/{path}", headers=api.reader(project))
    assert 200 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.anyio
async def test_months_and_days_count_a_user_once_each(tmp_path: Path) -> None:
    api = await visited(tmp_path)
    start, end = FIRST, FIRST + 30 * DAY_MS
    months = await ask(api, f"visitor_m/{start}/{end}")
    assert (5490, start, end, 2) == tuple(months[key] for key in ("pcode", "stime", "etime", "total"))
    december = FIRST + 17 * DAY_MS
    assert [
        {"stime": FIRST, "etime": december, "sdate": "20231114", "edate": "20231130", "mau": 3},
        {"stime": december, "etime": end, "sdate": "20231201", "edate": "20231213", "mau": 2},
    ] == months["records"]
    days = (await ask(api, f"visitor_d/{start}/{end}"))["records"]
    assert [("20231114", 2), ("20231130", 2), ("20231201", 2)] == [(day["sdate"], day["dau"]) for day in days]
    assert [] == (await ask(api, f"visitor_m/{start}/{end}", "beta"))["records"]
    assert [] == (await ask(api, f"visitor_d/{FIRST - DAY_MS}/{FIRST}"))["records"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", [f"visitor_m/{FIRST}/{FIRST + 366 * DAY_MS}", f"visitor_d/{FIRST}/{FIRST - 1}"]
)
async def test_a_range_longer_than_a_year_is_refused(path: str) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(f"/open/api/json/{path}", headers=api.reader())
    assert (400, "invalid-parameter") == (answer.status_code, answer.json()["id"])
