from __future__ import annotations

import threading

import pytest
from tests.support.counters import store_of_counters

from bongsu.promql.engine import Deadline, Engine, EngineOptions
from bongsu.promql.errors import ExecutionError, QueryCancelled, QueryTimeout, TooManySamples
from bongsu.promql.execute.limits import SampleBudget


class Seconds:
    """A monotonic clock that jumps ahead by one second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_query_ends_at_its_deadline() -> None:
    store = store_of_counters(5, 20)
    with pytest.raises(QueryTimeout) as caught:
        Engine().instant(
            store, "sum(rate(requests_total[1m]))", 200_000, deadline=Deadline(0.5, monotonic=Seconds())
        )
    assert caught.value.message.startswith("query timed out in expression evaluation: it was given 0.5 s")


def test_a_cancelled_query_ends_at_its_next_check() -> None:
    deadline = Deadline(60)
    canceller = threading.Thread(target=deadline.cancel)
    canceller.start()
    canceller.join()
    with pytest.raises(QueryCancelled):
        Engine().instant(store_of_counters(2, 5), "requests_total", 60_000, deadline=deadline)


def test_a_query_that_would_hold_too_many_samples_is_refused() -> None:
    store = store_of_counters(50, 20)
    engine = Engine(EngineOptions(max_samples=1_000))
    with pytest.raises(TooManySamples, match=r"'max_query_samples' \(setting query\.max_samples\)") as caught:
        engine.range(store, "requests_total", 0, 300_000, 10_000)
    assert isinstance(caught.value, ExecutionError)
    assert "the limit is 1000" in caught.value.message


def test_an_aggregation_that_flows_holds_only_its_groups() -> None:
    store = store_of_counters(50, 20)
    engine = Engine(EngineOptions(max_samples=1_000))
    result = engine.range(store, "sum by (job) (rate(requests_total[1m]))", 0, 300_000, 10_000)
    assert result.stats.peak_samples < 1_000


def test_what_operands_held_is_given_back() -> None:
    store = store_of_counters(20, 20)
    engine = Engine(EngineOptions(max_samples=20 * 31 * 3))
    text = " + ".join(["requests_total"] * 12)
    assert engine.range(store, text, 0, 300_000, 10_000).stats.series == 20


def test_a_budget_without_a_limit_counts_all_the_same() -> None:
    budget = SampleBudget(0)
    budget.hold(10**12)
    budget.release(10**12)
    assert (0, 10**12) == (budget.held, budget.peak)
