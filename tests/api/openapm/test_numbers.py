"""The real-time API: bare numbers, the JSON documents of the same tick, and who may see them."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from tests.support.apm import gauge, metrics, resource, span, spans
from tests.support.apm_api import NOW_MS, ApmApi

from bongsu.api.openapm.routes import NUMBER_NAMES, number_text
from bongsu.api.openapm.statistics import signed_hash
from bongsu.apm.ticks import Numbers

if TYPE_CHECKING:
    import httpx

SEED_NAMES = [
    "act_agent",
    "inact_agent",
    "host",
    "cpucore",
    "txcount",
    "tps",
    "user",
    "actx",
    "rtime",
    "cpu",
    "threadpool_active",
    "threadpool_queue",
    "dbc_count",
    "dbc_active",
    "dbc_idle",
]


async def busy_api() -> ApmApi:
    """Return an API whose project alpha has a tick with something in every number."""
    api = ApmApi()
    await api.to(NOW_MS + 4_000)
    items = [span(NOW_MS + 1_000, elapsed_ms=1_001 + i, user=f"u{i % 3}") for i in range(7)]
    api.engine.add_spans("alpha", spans(*items))
    at = NOW_MS + 3_000
    api.engine.add_metrics(
        "alpha",
        metrics(
            gauge(
                "bongsu.transactions.active",
                *[({"state": s}, n) for n, s in enumerate(("method", "sql", "httpc", "dbc", "socket"), 1)],
                at_ms=at,
            ),
            gauge("bongsu.threadpool.active", ({}, 5), at_ms=at),
            gauge("bongsu.threadpool.queue", ({}, 2), at_ms=at),
            gauge("db.client.connection.count", ({"state": "used"}, 3), ({"state": "idle"}, 4), at_ms=at),
            gauge("system.cpu.utilization", ({"cpu": 0, "state": "idle"}, 2 / 3), at_ms=at),
            gauge("bongsu.host.cpu.cores", ({}, 8), at_ms=at),
            of=resource("i1", host__ip=("fe80::1", "192.0.2.7")),
        ),
    )
    await api.to(NOW_MS + 13_000)
    return api


async def read_all(api: ApmApi, project: str = "alpha") -> dict[str, httpx.Response]:
    async with api.client() as client:
        return {
            name: await client.get(f"/open/api/{name}", headers=api.reader(project)) for name in NUMBER_NAMES
        }


def test_every_endpoint_of_the_seed_is_there() -> None:
    assert set(SEED_NAMES) | {"apdex", "act_method", "act_sql", "act_httpc", "act_dbc", "act_socket"} == set(
        NUMBER_NAMES
    )


@pytest.mark.anyio
async def test_numbers_are_bare_text_without_a_newline() -> None:
    answers = await read_all(await busy_api())
    assert {
        "act_agent": "1",
        "inact_agent": "0",
        "host": "1",
        "cpucore": "8",
        "txcount": "7",
        "tps": "1.4",
        "user": "3",
        "actx": "15",
        "rtime": "1004",
        "cpu": "33.33",
        "threadpool_active": "5",
        "threadpool_queue": "2",
        "dbc_count": "7",
        "dbc_active": "3",
        "dbc_idle": "4",
        "apdex": "1",
        "act_method": "1",
        "act_sql": "2",
        "act_httpc": "3",
        "act_dbc": "4",
        "act_socket": "5",
    } == {name: answer.text for name, answer in answers.items()}
    for answer in answers.values():
        assert 200 == answer.status_code
        assert "text/plain; charset=utf-8" == answer.headers["content-type"]
        assert "no-store" == answer.headers["cache-control"]
        assert isinstance(json.loads(answer.content), int | float)


@pytest.mark.anyio
async def test_another_project_reads_zeros() -> None:
    answers = await read_all(await busy_api(), "beta")
    assert dict.fromkeys(NUMBER_NAMES, "0") == {name: answer.text for name, answer in answers.items()}


@pytest.mark.anyio
async def test_the_spot_document_equals_the_single_numbers_of_the_tick() -> None:
    api = await busy_api()
    singles = {name: answer.text for name, answer in (await read_all(api)).items()}
    async with api.client() as client:
        answer = await client.get("/open/api/json/spot", headers=api.reader())
    document = answer.json()
    assert 5490 == document.pop("pcode")
    assert all(isinstance(value, str) for value in document.values())
    renamed = {"dbc_count": "dbconn_total", "dbc_active": "dbconn_act", "dbc_idle": "dbconn_idle"}
    assert {renamed.get(name, name) for name in NUMBER_NAMES} == set(document)
    for name, text in singles.items():
        assert float(text) == float(document[renamed.get(name, name)])
    assert "7.0" == document["dbconn_total"]


@pytest.mark.anyio
async def test_sums_hold_between_the_numbers() -> None:
    numbers = (await busy_api()).engine.newest("alpha").numbers
    assert numbers.dbc_count == numbers.dbc_active + numbers.dbc_idle
    assert numbers.actx == sum(
        getattr(numbers, f"act_{state}") for state in ("method", "sql", "httpc", "dbc", "socket")
    )


@pytest.mark.anyio
async def test_agents_and_projects_are_listed_for_their_own_token() -> None:
    api = await busy_api()
    async with api.client() as client:
        agents = (await client.get("/open/json/agents", headers=api.reader())).json()
        others = (await client.get("/open/json/agents", headers=api.reader("beta"))).json()
        project = (await client.get("/open/api/json/project", headers=api.reader())).json()
        headers = {"x-whatap-token": api.token["beta"]}
        projects = (await client.get("/open/api/json/projects", headers=headers)).json()
    expected = {
        "oid": signed_hash("shop/i1"),
        "oname": "shop/i1",
        "host_ip": "192.0.2.7",
        "host_name": "host-1",
        "active": True,
    }
    assert [expected] == agents["data"]
    assert [] == others["data"]
    assert (5490, "alpha") == (project["projectCode"], project["name"])
    assert ["beta"] == [entry["projectName"] for entry in projects["data"]]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"x-whatap-token": ""}, 401),
        ({"x-whatap-token": "nobody.secret"}, 401),
        ({"x-whatap-pcode": "7"}, 403),
        ({"x-whatap-pcode": "8"}, 403),
        ({"x-whatap-pcode": ""}, 403),
        ({"x-whatap-pcode": "abc"}, 400),
    ],
)
@pytest.mark.parametrize(
    "path", ["/open/api/tps", "/open/api/json/spot", "/open/json/agents", "/open/api/json/project"]
)
async def test_a_wrong_token_pcode_or_pair_is_told_as_json_and_never_as_a_number(
    path: str, change: dict[str, str], status: int
) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(path, headers={**api.reader(), **change})
    document = answer.json()
    assert (status, status) == (answer.status_code, document["code"])
    assert {"code", "id", "message"} == set(document)
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.anyio
async def test_unknown_paths_and_methods_are_told_in_the_same_form() -> None:
    api = ApmApi()
    async with api.client() as client:
        unknown = await client.get("/open/api/tpz", headers=api.reader())
        posted = await client.post("/open/api/tps", headers=api.reader())
        head = await client.head("/open/api/tps", headers=api.reader())
    assert (404, 404) == (unknown.status_code, unknown.json()["code"])
    assert (405, "GET, HEAD") == (posted.status_code, posted.headers["allow"])
    assert 200 == head.status_code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.0, "0"),
        (1.2, "1.2"),
        (92.03, "92.03"),
        (100.0, "100"),
        (0.9871, "0.9871"),
        (1e-7, "0"),
        (1e15, "1000000000000000"),
    ],
)
def test_numbers_are_written_as_short_json_numbers(value: float, expected: str) -> None:
    assert expected == number_text(value)


def test_all_numbers_have_a_path() -> None:
    assert {field.name for field in fields(Numbers)} == set(NUMBER_NAMES)


@pytest.mark.anyio
async def test_a_key_as_bearer_needs_no_code_and_still_sees_its_own_project_only() -> None:
    api = ApmApi()
    await api.to(NOW_MS + 2_000)
    api.engine.add_spans("alpha", spans(span(NOW_MS + 1_000)))
    await api.to(NOW_MS + 13_000)
    async with api.client() as client:
        for project, expected in (("alpha", "1"), ("beta", "0")):
            for headers in (
                {"Authorization": f"Bearer {api.token[project]}"},
                {"X-TC-APP-KEY": api.token[project]},
            ):
                answer = await client.get("/open/api/txcount", headers=headers)
                assert (200, expected) == (answer.status_code, answer.text)
        other = {"Authorization": f"Bearer {api.token['alpha']}", "x-whatap-pcode": "7"}
        assert 403 == (await client.get("/open/api/txcount", headers=other)).status_code
        bad = {"Authorization": "Bearer nothing.here"}
        assert 401 == (await client.get("/open/api/txcount", headers=bad)).status_code


@pytest.mark.anyio
async def test_a_token_beyond_its_rate_is_told_when_to_come_back_and_no_other_token_is() -> None:
    api = ApmApi(calls_per_second=2)
    async with api.client() as client:
        taken = [await client.get("/open/api/tps", headers=api.reader()) for _ in range(30)]
        refused = await client.get("/open/api/json/spot", headers=api.reader())
        other = await client.get("/open/api/tps", headers=api.reader("beta"))
        wrong = await client.get("/open/api/tps", headers={**api.reader(), "x-whatap-pcode": "7"})
        await api.manual.advance(1.0)
        again = await client.get("/open/api/tps", headers=api.reader())
    assert {200} == {answer.status_code for answer in (*taken, other, again)}
    assert (429, 429, "too-many-calls", "1") == (
        refused.status_code,
        refused.json()["code"],
        refused.json()["id"],
        refused.headers["retry-after"],
    )
    assert "apm.calls_per_second" in refused.json()["message"]
    assert 403 == wrong.status_code, "a wrong pair is told as such, whatever the rate"
