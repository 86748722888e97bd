"""Rows of the statistics: how calls are made alike, and that sums are those of a plain list."""

from __future__ import annotations

import statistics as plain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apm import LOCAL, NOW_MS, SETTINGS, resource, span, span_id, spans

from bongsu.apm.calls import Alike, HttpCall, Query, Raised, Service, call_of, raised_by, service_of
from bongsu.apm.identity import AgentId
from bongsu.apm.project import ProjectApm
from bongsu.apm.statistics import OTHERS, STEP_MS, Statistics, Tally, merged
from bongsu.wire.otlp.values import SpanKind

if TYPE_CHECKING:
    from bongsu.wire.otlp.values import AttributeValue, Span

T0 = NOW_MS // STEP_MS * STEP_MS
AGENTS = [AgentId("", "shop", name) for name in ("a", "b")]
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM t WHERE id = 42 AND n='O''Brien'", "SELECT * FROM t WHERE id = ? AND n=?"),
        ("select  1,\n -2.5e3 , t1.c2", "select ?, ? , t1.c2"),
        ("SELECT $1, %s, :p1, @v2 FROM t2", "SELECT $1, %s, :p1, @v2 FROM t2"),
        ("SELECT 'cut off", "SELECT ?"),
        ("", ""),
    ],
)
def test_statements_that_differ_in_their_literals_are_one(text: str, expected: str) -> None:
    assert expected == Alike().statement(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:8/users/42/orders?x=1", "/users/*/orders"),
        ("/v1.0/item/9f1c2b3a4d5e6f708192a3b4c5d6e7f8", "/v1.0/item/*"),
        ("/a/123e4567-e89b-12d3-a456-426614174000/b", "/a/*/b"),
        ("/cafe/beef", "/cafe/beef"),
        ("http://[::1/broken/7?q", "http://[::1/broken/*"),
    ],
)
def test_paths_that_differ_in_their_ids_are_one(url: str, expected: str) -> None:
    assert expected == Alike().path(url)


def test_rows_of_the_longest_texts_are_short() -> None:
    long = "x" * 100_000
    query = call_of(
        client({"db.system": long, "db.name": long, "db.statement": f"select {long}"}), long, Alike()
    )
    call = call_of(
        client({"http.method": "GET", "http.url": f"http://{long}/{long}", "url.template": long}),
        "s",
        Alike(),
    )
    raised = raised_by(span(T0)._replace(exception=(long, long)), "/", 500)
    for row in (query, call, raised):
        assert row is not None
        assert all(len(text) <= 1_024 for text in row if isinstance(text, str))
    assert 512 == len(service_of(span(T0, attributes={"http.route": long}), Alike()))


@given(st.text(max_size=200))
def test_any_text_is_made_alike_and_stays_so(text: str) -> None:
    alike = Alike()
    once = alike.statement(text)
    assert once == alike.statement(once)
    alike.path(text)


def client(attributes: dict[str, AttributeValue], **more: object) -> Span:
    return span(T0 + 1_000, kind=SpanKind.CLIENT, attributes=attributes, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {
                "db.system.name": "postgresql",
                "db.namespace": "shop",
                "server.address": "db1",
                "server.port": 5432,
                "db.query.text": "select 7",
            },
            Query("postgresql://db1:5432/shop", "select ?"),
        ),
        (
            {"db.system": "mysql", "db.name": "shop", "net.peer.name": "db", "db.statement": "DELETE FROM t"},
            Query("mysql://db/shop", "DELETE FROM t"),
        ),
        ({"db.system": "redis"}, Query("redis:///", "GET /")),
        (
            {"http.request.method": "GET", "url.full": "https://pay.example/v1/charge/77?k=1"},
            HttpCall("pay.example", 443, "/v1/charge/*", "shop"),
        ),
        (
            {
                "http.method": "GET",
                "http.url": "http://pay:8080/x",
                "net.peer.name": "pay",
                "net.peer.port": 8080,
            },
            HttpCall("pay", 8080, "/x", "shop"),
        ),
        (
            {
                "http.request.method": "GET",
                "server.address": "a",
                "url.template": "/u/{id}",
                "url.full": "http://a/u/1",
            },
            HttpCall("a", 80, "/u/{id}", "shop"),
        ),
        ({"http.method": "GET", "http.url": "http://a:bad/x"}, HttpCall("a", 0, "/x", "shop")),
        ({"rpc.system": "grpc"}, None),
    ],
)
def test_calls_under_current_and_older_names(
    attributes: dict[str, AttributeValue], expected: Query | HttpCall | None
) -> None:
    assert expected == call_of(client(attributes), "shop", Alike())


def test_a_service_is_its_route_else_its_path_else_the_spans_name() -> None:
    alike = Alike()
    assert "/item/{id}" == service_of(
        span(T0, attributes={"http.route": "/item/{id}", "url.path": "/item/1"}), alike
    )
    assert "/item/*" == service_of(span(T0, attributes={"url.path": "/item/1"}), alike)
    assert "GET /" == service_of(span(T0), alike)


def test_why_a_transaction_failed_is_its_exception_else_its_error_else_its_status() -> None:
    failed = span(T0, failed=True)
    assert Raised("KeyError", "/", "'x'") == raised_by(
        failed._replace(exception=("KeyError", "'x'")), "/", 500
    )
    typed = failed._replace(attributes={"error.type": "TimeoutError"}, status_message="late")
    assert Raised("TimeoutError", "/", "late") == raised_by(typed, "/", 500)
    assert Raised("HTTP 503", "/", "") == raised_by(
        failed._replace(attributes={"error.type": "503"}), "/", 503
    )
    assert Raised("ERROR", "/", "") == raised_by(failed, "/", 0)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(AGENTS),
            st.sampled_from(["/a", "/b", "/c"]),
            st.integers(0, 3 * STEP_MS - 1),
            st.integers(0, 10**10),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_sums_are_those_of_a_plain_list(calls: list[tuple[AgentId, str, int, int, bool]]) -> None:
    kept = Statistics(100, 10_000, DAY_MS)
    for agent, service, after, elapsed, failed in calls:
        tally = Tally()
        tally.add(elapsed, T0 + after, failed=failed)
        kept.add(agent, Service(service), T0 + after, tally, now_ms=T0 + 3 * STEP_MS)
    found = merged(kept.find(Service, T0 + STEP_MS, T0 + 3 * STEP_MS))
    inside = [call for call in calls if call[2] >= STEP_MS]
    assert {call[1] for call in inside} == {row.service for row in found}
    for row, (tally, agents) in found.items():
        mine = [call for call in inside if call[1] == row.service]
        times = [call[3] for call in mine]
        assert (len(mine), sum(c[4] for c in mine), sum(times), min(times), max(times)) == (
            tally.count,
            tally.errors,
            tally.elapsed_ns,
            tally.least_ns,
            tally.most_ns,
        )
        assert {call[0] for call in mine} == agents
        mean = tally.elapsed_ns / tally.count / 1e6
        deviation = max(0.0, tally.squares / tally.count - mean * mean) ** 0.5
        assert plain.pstdev(t / 1e6 for t in times) == pytest.approx(deviation, abs=0.1)


def test_rows_beyond_the_budget_are_counted_together_and_the_oldest_steps_go() -> None:
    kept = Statistics(2, 5, DAY_MS)
    one = Tally()
    one.add(1_000_000, T0, failed=False)
    for step in range(3):
        for name in ("a", "b", "c", "d"):
            kept.add(AGENTS[0], Service(name), T0 + step * STEP_MS, one, now_ms=T0 + step * STEP_MS)
    found = merged(kept.find(Service, T0, T0 + STEP_MS))
    assert {"a": 1, "b": 1, OTHERS: 2} == {row.service: tally.count for row, (tally, _) in found.items()}
    kept.forget(T0 + 2 * STEP_MS)
    assert [] == list(kept.find(Service, T0, T0 + 2 * STEP_MS))
    assert 3 == len(kept)
    kept.forget(T0 + 3 * STEP_MS + DAY_MS)
    assert 0 == len(kept)
    kept.add(AGENTS[0], Service("old"), T0, one, now_ms=T0 + DAY_MS)
    assert 0 == len(kept)


def test_a_projects_statistics_count_every_call_once_however_often_its_request_is_sent() -> None:
    apm = ProjectApm(SETTINGS, secret=b"secret", now_ms=T0)
    root = span_id()
    query = client({"db.system": "postgresql", "db.query.text": "select 1"}, parent=root, flags=LOCAL)
    entry = span(T0 + 1_500, own_id=root, failed=True, attributes={"http.route": "/pay"})
    request = spans(query, entry, of=resource("a"))
    for _ in range(3):
        apm.add_spans(request, now_ms=T0 + 2_000)
    apm.add_spans(
        spans(client({"db.system": "postgresql", "db.query.text": "select 2"}), of=resource("b")),
        now_ms=T0 + 2_000,
    )
    apm.tick(T0 + 13_000)

    queries = apm.statistics(Query, T0, T0 + STEP_MS, wanted=lambda _: True)
    assert {Query("postgresql:///", "select ?"): (2, {"a", "b"})} == {
        row: (tally.count, {agent.instance for agent in agents}) for row, (tally, agents) in queries.items()
    }
    services = apm.statistics(Service, T0, T0 + STEP_MS, wanted=lambda _: True)
    assert {Service("/pay"): (1, 1)} == {row: (t.count, t.errors) for row, (t, _) in services.items()}
    assert {Raised("ERROR", "/pay", "")} == set(
        apm.statistics(Raised, T0, T0 + STEP_MS, wanted=lambda _: True)
    )
    assert {} == apm.statistics(Query, T0, T0 + STEP_MS, wanted=lambda agent: agent.instance == "c")
