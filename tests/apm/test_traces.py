"""Spans of kept transactions: those and no others, within bounds, whatever order they come in."""

from __future__ import annotations

from tests.support.apm import LOCAL, NOW_MS, REMOTE, SETTINGS, resource, span, span_id, spans

from bongsu.apm.identity import AgentId
from bongsu.apm.project import ProjectApm
from bongsu.apm.settings import TICK_MS, ApmSettings
from bongsu.apm.traces import TraceLog
from bongsu.wire.otlp.values import Span, SpanKind

SEALED_MS = NOW_MS + TICK_MS + SETTINGS.grace_ms


def trace_of(
    number: int, *, elapsed_ms: int = 100, end_ms: int = NOW_MS + 1_000, failed: bool = False
) -> tuple[Span, Span]:
    """Return a root transaction and a query below it."""
    trace_id, root = number.to_bytes(16, "big"), span_id()
    entry = span(end_ms, elapsed_ms=elapsed_ms, own_id=root, failed=failed, user="ann")
    query = span(
        end_ms - 10,
        elapsed_ms=20,
        kind=SpanKind.CLIENT,
        parent=root,
        flags=LOCAL,
        attributes={"db.query.text": "select 1", "enduser.id": "ann", "http.request.header.cookie": "secret"},
    )
    return entry._replace(trace_id=trace_id), query._replace(trace_id=trace_id)


def project(settings: ApmSettings = SETTINGS) -> ProjectApm:
    return ProjectApm(settings, secret=b"secret", now_ms=NOW_MS)


def found(apm: ProjectApm, number: int) -> list[str]:
    return [SpanKind(kept.kind).name for kept in apm.find_spans(number.to_bytes(16, "big"))]


def test_a_kept_transactions_spans_are_found_in_order_of_their_start_whatever_batches_they_come_in() -> None:
    for order in ((0, 1), (1, 0)):
        apm = project()
        parts = trace_of(1)
        for index in order:
            apm.add_spans(spans(parts[index]), now_ms=NOW_MS + 2_000)
            apm.add_spans(spans(parts[index]), now_ms=NOW_MS + 2_500)
        assert [] == found(apm, 1), "nothing is kept before its tick is sealed"
        apm.tick(SEALED_MS)
        assert ["SERVER", "CLIENT"] == found(apm, 1)
        assert [] == found(apm, 2)


def test_spans_of_other_services_join_their_trace_and_late_ones_too() -> None:
    apm = project()
    entry, query = trace_of(1)
    apm.add_spans(spans(entry), now_ms=NOW_MS + 2_000)
    apm.tick(SEALED_MS)
    behind = span(NOW_MS + 900, kind=SpanKind.SERVER, parent=entry.span_id, flags=REMOTE)
    apm.add_spans(
        spans(behind._replace(trace_id=entry.trace_id), of=resource("i2", service="stock")),
        now_ms=SEALED_MS + 100,
    )
    apm.add_spans(spans(query), now_ms=SEALED_MS + 200)
    kept = apm.find_spans(entry.trace_id)
    assert {"shop/i1", "stock/i2"} == {str(one.agent) for one in kept}
    assert 3 == len(kept)


def test_who_the_user_is_and_what_headers_held_is_not_kept() -> None:
    apm = project()
    apm.add_spans(spans(*trace_of(1)), now_ms=NOW_MS + 2_000)
    apm.tick(SEALED_MS)
    attributes = [dict(kept.attributes) for kept in apm.find_spans((1).to_bytes(16, "big"))]
    assert [{}, {"db.query.text": "select 1"}] == attributes


def test_the_slowest_transactions_keep_their_spans_and_the_rest_leave_nothing() -> None:
    apm = project()
    for number in range(1, 61):
        apm.add_spans(spans(*trace_of(number, elapsed_ms=1_000 - number)), now_ms=NOW_MS + 2_000)
    apm.tick(SEALED_MS)
    assert list(range(1, 21)) == [number for number in range(1, 61) if found(apm, number)]


def test_spans_go_with_their_transactions_and_stay_within_their_bounds() -> None:
    apm = project(ApmSettings(max_kept_transactions=10))
    for tick in range(4):
        for number in range(5):
            parts = trace_of(10 * tick + number, end_ms=NOW_MS + tick * TICK_MS + 1_000)
            apm.add_spans(spans(*parts), now_ms=NOW_MS + tick * TICK_MS + 2_000)
    apm.tick(SEALED_MS + 3 * TICK_MS)
    assert [2, 3] == [tick for tick in range(4) if found(apm, 10 * tick)]


def test_waiting_and_kept_spans_are_bounded_oldest_traces_first() -> None:
    log = TraceLog(waiting=10, kept=6)
    who = AgentId("", "shop", "i1")
    every = [trace_of(number) for number in range(20)]
    for parts in every:
        log.add(who, parts)
    log.keep(parts[0].trace_id for parts in every)
    assert [17, 18, 19] == [n for n in range(20) if log.find(n.to_bytes(16, "big"))]
    log.forget([every[19][0].trace_id])
    assert [17, 18] == [n for n in range(20) if log.find(n.to_bytes(16, "big"))]
    long = [span(NOW_MS, kind=SpanKind.CLIENT)._replace(trace_id=every[18][0].trace_id) for _ in range(400)]
    log.add(who, long)
    assert 200 == len(log.find(every[18][0].trace_id)), "one trace must not take everything"
