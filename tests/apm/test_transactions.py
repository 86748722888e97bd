"""Hit maps and kept transactions, against the list of everything that was sent."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings
from tests.support.apm import span

from bongsu.apm.identity import AgentId
from bongsu.apm.transactions import HITMAP_BOUNDS_MS, TickTransactions, TransactionLog

AGENT = AgentId("", "shop", "i1")
DAY_MS = 86_400_000


def test_the_hit_map_has_120_rows_that_grow_coarser() -> None:
    assert 120 == len(HITMAP_BOUNDS_MS)
    assert [0, 125, 5_000, 10_000, 20_000, 40_000, 78_000] == [
        HITMAP_BOUNDS_MS[i] for i in (0, 1, 40, 60, 80, 100, 119)
    ]


def tick_of(items: list[tuple[int, bool]], end_ms: int = 5_000) -> TickTransactions:
    tick = TickTransactions()
    for elapsed_ms, failed in items:
        made = span(
            end_ms,
            elapsed_ms=elapsed_ms,
            attributes={"http.route": f"/{elapsed_ms}", "http.status_code": 200},
        )
        tick.add(made, AGENT, end_ms, elapsed_ms * 1_000_000, 7, failed=failed)
    return tick


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100_000), st.booleans()), max_size=60))
def test_every_transaction_is_on_the_map_and_the_slowest_are_kept(items: list[tuple[int, bool]]) -> None:
    tick = tick_of(items)
    rows = tick.hit_map(5_000).rows
    for row, low in enumerate(HITMAP_BOUNDS_MS):
        high = HITMAP_BOUNDS_MS[row + 1] if row + 1 < len(HITMAP_BOUNDS_MS) else 10**9
        inside = [failed for elapsed, failed in items if low <= elapsed < high]
        expected = (row, inside.count(False), inside.count(True))
        assert (expected if inside else None) == next((r for r in rows if r[0] == row), None)
    for wanted in (False, True):
        slowest = sorted((elapsed for elapsed, failed in items if failed is wanted), reverse=True)[:20]
        assert slowest == [k.elapsed_ns // 1_000_000 for k in tick.kept() if k.failed is wanted]


def test_the_log_answers_by_time_and_duration_newest_first() -> None:
    log = TransactionLog(1_000, DAY_MS)
    for number in range(1, 4):
        log.append(number * 5_000, tick_of([(100 * number, False), (900, True)], number * 5_000))
    log.append(20_000, TickTransactions())
    assert [10_000, 15_000] == [tick.end_ms for tick in log.hit_maps(5_000, 20_000)]
    found = [(t.end_ms, t.route) for t in log.find(5_000, 20_000, 150, 900)]
    assert [(15_000, "/300"), (10_000, "/200")] == found
    [first, *_] = log.find(0, 20_000, 0, float("inf"))
    assert ("shop/i1", 200, 7, True) == (str(first.agent), first.status, first.user, first.failed)


def test_the_log_keeps_a_budget_and_a_day() -> None:
    log = TransactionLog(10, DAY_MS)
    gone = []
    for number in range(1, 8):
        gone += log.append(number * 5_000, tick_of([(i, False) for i in range(4)], number * 5_000))
    kept = list(log.find(0, 10**9, 0, 10**9))
    assert 28 == len({(t.end_ms, t.elapsed_ns) for t in (*kept, *gone)}), "everything is kept or told as gone"
    assert len(kept) <= 10
    assert {5_000 * number for number in range(1, 8)} == {t.end_ms for t in kept}, (
        "every tick keeps its slowest"
    )
    assert {3_000_000} == {t.elapsed_ns for t in kept if t.end_ms <= 10_000}
    assert 7 == len(log.hit_maps(0, 10**9))
    log.append(DAY_MS + 30_000, TickTransactions())
    assert [35_000] == [tick.end_ms for tick in log.hit_maps(0, 10**12)]
    assert {35_000} == {t.end_ms for t in log.find(0, 10**12, 0, 10**9)}
