"""Answers put together from kept ones are those of a fresh evaluation, whatever happened to the samples meanwhile."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.support.stores import Row, write_rows

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.engine import Engine
from bongsu.promql.errors import ExecutionError
from bongsu.promql.values import Vector
from bongsu.query.requests import RangeQuery
from bongsu.query.result_cache import ResultCache
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.promql.values import QueryResult
    from bongsu.storage.contract import ProjectStore

MINUTE = 60_000
SERIES = [
    {"__name__": name, "job": job, "instance": instance}
    for name in ("a_total", "b_total")
    for job in ("x", "y")
    for instance in ("1", "2")
]
QUERIES = (
    "a_total",
    "sum by (job) (rate(a_total[5m]))",
    "a_total offset -3m",
    "max_over_time(a_total[10m] offset 2m)",
    "a_total - on (job, instance) b_total",
    "sum(a_total @ 1800)",
    "a_total + time()",
    "max_over_time(sum by (job) (a_total)[6m:1m])",
    "avg_over_time((b_total offset -1m)[4m:2m] offset 3m)",
    "absent(a_total{job='x'})",
    "count_values('v', a_total % 3)",
    "topk(1, a_total)",
    "a_total @ end()",
    "rate({job='x'}[5m]) > 0",
    "quantile by (job) (0.5, a_total) or b_total",
)


@dataclass
class Cached:
    """A store with an engine and a cache that keeps everything."""

    store: ProjectStore = field(default_factory=MemoryProjectStore)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    max_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        self.engine = Engine()
        self.cache = ResultCache(
            max_bytes=self.max_bytes, features=frozenset(), registry=self.registry, worth_s=0.0
        )

    def close(self) -> None:
        self.engine.close()

    def fresh(self, query: RangeQuery) -> QueryResult:
        return self.engine.range(self.store, query.text, query.start_ms, query.end_ms, query.step_ms)

    def ask(self, query: RangeQuery, owner: str = "me") -> QueryResult:
        def evaluate(start_ms: int, end_ms: int) -> QueryResult:
            return self.engine.range(self.store, query.text, start_ms, end_ms, query.step_ms)

        return self.cache.answer(self.store, query, evaluate, owner=owner)

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("bongsu_query_cache_total", {"outcome": outcome}) or 0.0


def cells(result: QueryResult) -> list[tuple[dict[str, str], list[float | None]]]:
    assert isinstance(result.value, Vector)
    present = result.value.present()
    return [
        (
            labels,
            [float(v) if there else None for v, there in zip(values, present[row], strict=True)],
        )
        for row, (labels, values) in enumerate(
            zip(result.value.labels.maps(), result.value.values, strict=True)
        )
    ]


def told(ask: Callable[[RangeQuery], QueryResult], query: RangeQuery) -> tuple[object, ...]:
    """Return all that an answer tells, or its error."""
    try:
        result = ask(query)
    except ExecutionError as error:
        return (error.message,)
    return cells(result), result.steps.tolist(), result.warnings, result.infos


def window(text: str, start: int, end: int, step: int = 1, **options: bool) -> RangeQuery:
    return RangeQuery(
        text=text, start_ms=start * MINUTE, end_ms=end * MINUTE, step_ms=step * MINUTE, **options
    )


def fill(store: ProjectStore, first: int, last: int) -> None:
    write_rows(
        store,
        [
            Row(labels, minute * MINUTE, float(minute * (row + 1) % 97))
            for minute in range(first, last + 1)
            for row, labels in enumerate(SERIES)
        ],
        overwrite=True,
    )


@pytest.fixture
def cached() -> Iterator[Cached]:
    with closing(Cached()) as made:
        fill(made.store, 0, 60)
        yield made


_changes = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 5), st.just(0)),
    st.tuples(st.just("late"), st.integers(0, 60), st.integers(0, len(SERIES) - 1)),
    st.tuples(st.just("delete"), st.integers(0, 60), st.integers(0, 10)),
    st.tuples(st.just("nothing"), st.just(0), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(QUERIES),
    st.lists(
        st.tuples(_changes, st.integers(10, 60), st.integers(0, 25), st.integers(1, 3)),
        min_size=2,
        max_size=7,
    ),
)
def test_what_is_kept_never_changes_an_answer(
    text: str, turns: list[tuple[tuple[str, int, int], int, int, int]]
) -> None:
    with closing(Cached()) as cached:
        fill(cached.store, 0, 40)
        newest = 40
        for (change, number, other), end, length, step in turns:
            if change == "append":
                fill(cached.store, newest + 1, newest + number)
                newest += number
            elif change == "late":
                row = Row(SERIES[other], number * MINUTE + 7, float(number))
                write_rows(cached.store, [row], overwrite=True)
            elif change == "delete":
                matcher = Matcher("job", MatchOp.EQUAL, "x")
                cached.store.delete([[matcher]], number * MINUTE, (number + other) * MINUTE)
            query = window(text, max(0, end - length), end, step)

            assert told(cached.fresh, query) == told(cached.ask, query)


def test_a_moved_window_is_evaluated_only_where_it_is_new(cached: Cached) -> None:
    cached.ask(window("a_total", 10, 40))
    whole = cached.fresh(window("a_total", 12, 43)).stats.samples
    moved = cached.ask(window("a_total", 12, 43))

    assert 0 < moved.stats.samples < whole / 2
    assert (1.0, 1.0) == (cached.count("miss"), cached.count("partial"))
    assert 0 == cached.ask(window("a_total", 12, 43)).stats.samples
    assert 1.0 == cached.count("hit")


def test_new_samples_leave_what_is_before_them(cached: Cached) -> None:
    cached.ask(window("a_total", 10, 60))
    fill(cached.store, 61, 61)
    answer = cached.ask(window("a_total", 11, 61))

    assert cells(cached.fresh(window("a_total", 11, 61))) == cells(answer)
    assert 1.0 == cached.count("partial")


@pytest.mark.parametrize(
    "text",
    ["topk(1, a_total)", "a_total @ end()", "rate({job='x'}[5m])", "stddev(a_total)", "limitk(1, a_total)"],
)
def test_queries_whose_steps_hang_together_are_not_kept(cached: Cached, text: str) -> None:
    any_answer = cached.fresh(window("a_total", 1, 2))
    cached.cache.answer(cached.store, window(text, 1, 2), lambda *_: any_answer, owner="me")

    assert 1.0 == cached.count("refused")


def test_answers_with_notes_are_not_kept(cached: Cached) -> None:
    write_rows(cached.store, [Row({"__name__": "gauge"}, minute * MINUTE, 1.0) for minute in range(60)])
    for _ in range(2):
        assert cached.ask(window("rate(gauge[5m])", 10, 20)).infos

    assert 2.0 == cached.count("miss")


def test_one_owner_never_gets_the_answer_of_another(cached: Cached) -> None:
    query = window("a_total", 10, 20)
    cached.ask(query, owner="mine")
    cached.store = MemoryProjectStore()

    assert [] == cells(cached.ask(query, owner="other"))
    # Not even the one whose store was dropped and made again under the same name.
    assert [] == cells(cached.ask(query, owner="mine"))


def test_a_query_may_ask_for_a_fresh_answer(cached: Cached) -> None:
    query = window("a_total", 10, 20)
    cached.ask(query)

    assert cached.ask(replace(query, cached=False)).stats.samples > 0
    assert 1.0 == cached.count("refused")


def test_memory_is_bounded_and_the_oldest_answers_leave() -> None:
    with closing(Cached(max_bytes=40_000)) as cached:
        fill(cached.store, 0, 60)
        for number in range(30):
            cached.ask(window(f"a_total + {number}", 10, 20))

        size = cached.registry.get_sample_value("bongsu_query_cache_bytes")
        assert size is not None
        assert 0 < size <= 40_000
        cached.ask(window("a_total + 29", 10, 20))
        cached.ask(window("a_total + 0", 10, 20))
        assert (1.0, 31.0) == (cached.count("hit"), cached.count("miss"))


def test_absent_cells_of_parts_stay_absent(cached: Cached) -> None:
    write_rows(cached.store, [Row({"__name__": "short"}, 30 * MINUTE, 5.0)])
    cached.ask(window("short", 0, 20))
    answer = cached.ask(window("short", 10, 40))

    assert cells(cached.fresh(window("short", 10, 40))) == cells(answer)
    assert not np.asarray(answer.value.kinds).all()  # type: ignore[union-attr]
