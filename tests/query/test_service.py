from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from tests.support.staged_engine import StagedEngine
from tests.support.stores import Row, write_rows

from bongsu.model.errors import InvalidInput
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.errors import ExecutionError, QueryCancelled, QueryTimeout, TooManySamples
from bongsu.promql.values import Scalar
from bongsu.query.errors import QueriesClosed, QueueTimeout
from bongsu.query.requests import MAX_POINTS, InstantQuery, RangeQuery
from bongsu.query.service import QueryLimits, QueryService
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.query.service import Outcome

WAIT_S = 30.0


@dataclass
class Bench:
    engine: StagedEngine
    clock: ManualClock
    registry: CollectorRegistry
    service: QueryService


MakeBench = Callable[[int], Bench]


@pytest.fixture
def bench() -> Iterator[MakeBench]:
    made: list[Bench] = []

    def make(max_concurrent: int) -> Bench:
        engine, clock, registry = StagedEngine(), ManualClock(), CollectorRegistry()
        service = QueryService(
            engine,
            limits=QueryLimits(max_concurrent=max_concurrent, timeout_s=10),
            clock=clock,
            registry=registry,
            log=structlog.get_logger(),
        )
        made.append(Bench(engine, clock, registry, service))
        return made[-1]

    yield make
    for each in made:
        each.engine.release.set()
        each.service.close()


def instant(text: str = "1", timeout_ms: int | None = None) -> InstantQuery:
    return InstantQuery(text=text, time_ms=5, timeout_ms=timeout_ms)


def first_value(outcome: Outcome) -> float:
    assert isinstance(outcome.result.value, Scalar)
    return float(outcome.result.value.values[0])


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float:
    value = registry.get_sample_value(name, labels)
    return 0.0 if value is None else value


def test_a_query_gets_what_it_asked_for_and_gives_its_answer(bench: MakeBench) -> None:
    b = bench(2)
    b.engine.release.set()
    ranged = RangeQuery(text="up", start_ms=1, end_ms=9, step_ms=2, lookback_ms=7)

    assert 1.0 == b.service.start(MemoryProjectStore, instant("1+0"), first_value).wait()
    assert 1.0 == b.service.start(MemoryProjectStore, ranged, first_value).wait()
    assert [("1+0", 5, None), ("up", 1, 9, 2, 7)] == b.engine.calls
    assert 2.0 == sample(b.registry, "bongsu_query_ended_total", outcome="success")
    assert 10.0 == sample(b.registry, "bongsu_query_samples_total")
    assert 1.0 == sample(b.registry, "bongsu_query_duration_seconds_count", kind="range")


def test_no_more_queries_run_than_the_limit_and_the_others_wait(bench: MakeBench) -> None:
    b = bench(2)
    running = [b.service.start(MemoryProjectStore, instant(f"q{i}"), first_value) for i in range(5)]
    for _ in range(2):
        assert b.engine.started.acquire(timeout=WAIT_S)

    assert not b.engine.started.acquire(timeout=0.05)
    assert [True, True, False, False, False] == [query.running for query in b.service.active()]
    assert ["q0", "q1", "q2", "q3", "q4"] == [query.text for query in b.service.active()]
    assert 3.0 == sample(b.registry, "bongsu_query_active", state="waiting")
    b.engine.release.set()
    assert [1.0] * 5 == [query.wait() for query in running]
    assert () == b.service.active()


def test_waiting_queries_of_different_owners_take_turns(bench: MakeBench) -> None:
    b = bench(1)
    b.service.start(MemoryProjectStore, instant("first"), first_value, owner="a")
    assert b.engine.started.acquire(timeout=WAIT_S)
    waiting = [
        b.service.start(MemoryProjectStore, instant(f"{owner}{number}"), first_value, owner=owner)
        for owner, number in (("a", 1), ("a", 2), ("b", 1))
    ]
    b.engine.release.set()

    assert [1.0] * 3 == [query.wait() for query in waiting]
    assert ["first", "a1", "b1", "a2"] == [str(call[0]) for call in b.engine.calls]


def test_a_query_never_has_more_time_than_the_server_gives(bench: MakeBench) -> None:
    b = bench(1)
    long = b.service.start(MemoryProjectStore, instant(timeout_ms=3_600_000), first_value)
    short = b.service.start(MemoryProjectStore, instant(timeout_ms=2_000), first_value)
    b.engine.release.set()

    assert (11.0, 3.0) == (long.patience_s, short.patience_s)


@pytest.mark.anyio
async def test_a_query_that_takes_too_long_times_out(bench: MakeBench) -> None:
    b = bench(1)
    running = b.service.start(MemoryProjectStore, instant(), first_value)
    assert b.engine.started.acquire(timeout=WAIT_S)
    await b.clock.advance(10.5)

    with pytest.raises(QueryTimeout, match="query timed out in expression evaluation"):
        running.wait()
    assert 1.0 == sample(b.registry, "bongsu_query_ended_total", outcome="timeout")


@pytest.mark.anyio
async def test_time_in_the_queue_counts(bench: MakeBench) -> None:
    b = bench(1)
    first = b.service.start(MemoryProjectStore, instant(), first_value)
    assert b.engine.started.acquire(timeout=WAIT_S)
    second = b.service.start(MemoryProjectStore, instant(timeout_ms=1), first_value)
    await b.clock.advance(1)
    b.engine.release.set()

    assert 1.0 == first.wait()
    with pytest.raises(
        QueueTimeout, match=r"query timed out in query queue: it waited 0\.001 s, and 1 run at once"
    ):
        second.wait()
    assert 1 == len(b.engine.calls)


def test_a_query_that_outlives_its_patience_is_given_up_where_it_stands(bench: MakeBench) -> None:
    b = bench(1)
    running = b.service.start(MemoryProjectStore, instant(), first_value)
    assert b.engine.started.acquire(timeout=WAIT_S)
    waiting = b.service.start(MemoryProjectStore, instant(), first_value)

    assert isinstance(waiting.overdue(), QueueTimeout)
    assert not isinstance(running.overdue(), QueueTimeout)
    with pytest.raises(QueryCancelled):
        running.wait()
    with pytest.raises(QueryCancelled):
        waiting.wait()
    assert () == b.service.active()


def test_a_cancelled_query_ends_at_its_next_check(bench: MakeBench) -> None:
    b = bench(1)
    running = b.service.start(MemoryProjectStore, instant(), first_value)
    assert b.engine.started.acquire(timeout=WAIT_S)
    running.cancel()

    with pytest.raises(QueryCancelled):
        running.wait()
    assert 1.0 == sample(b.registry, "bongsu_query_ended_total", outcome="cancelled")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ExecutionError("no"), "execution"), (InvalidInput("no"), "bad_data"), (ValueError("no"), "internal")],
)
def test_errors_rise_unchanged_and_are_counted(bench: MakeBench, error: Exception, outcome: str) -> None:
    b = bench(1)
    b.engine.error = error
    b.engine.release.set()
    running = b.service.start(MemoryProjectStore, instant(), first_value)

    with pytest.raises(type(error)) as caught:
        running.wait()
    assert error is caught.value
    assert 1.0 == sample(b.registry, "bongsu_query_ended_total", outcome=outcome)


@pytest.mark.anyio
async def test_slow_queries_are_logged_with_their_text(bench: MakeBench) -> None:
    b = bench(1)
    with capture_logs() as logs:
        running = b.service.start(MemoryProjectStore, instant("slow" * 1000), first_value)
        assert b.engine.started.acquire(timeout=WAIT_S)
        await b.clock.advance(10.5)
        with pytest.raises(QueryTimeout):
            running.wait()

    assert [("slow query", "timeout", 2000)] == [(e["event"], e["outcome"], len(e["text"])) for e in logs]


def test_a_closed_service_starts_nothing_and_lets_the_running_end(bench: MakeBench) -> None:
    b = bench(1)
    running = b.service.start(MemoryProjectStore, instant(), first_value)
    assert b.engine.started.acquire(timeout=WAIT_S)
    waiting = b.service.start(MemoryProjectStore, instant(), first_value)
    b.engine.release.set()
    b.service.close()

    assert 1.0 == running.wait()
    assert waiting.future.done()
    with pytest.raises(QueriesClosed):
        b.service.start(MemoryProjectStore, instant(), first_value)


def test_the_points_of_a_range_are_bounded() -> None:
    def ask(end_ms: int, step_ms: int) -> RangeQuery:
        return RangeQuery(text="1", start_ms=0, end_ms=end_ms, step_ms=step_ms)

    assert MAX_POINTS == ask(MAX_POINTS, 1).end_ms
    with pytest.raises(InvalidInput, match="exceeded maximum resolution of 11,000 points"):
        ask(MAX_POINTS + 1, 1)
    with pytest.raises(InvalidInput, match="zero or negative"):
        ask(1, 0)
    with pytest.raises(InvalidInput, match="must not be before"):
        ask(-1, 1)


def test_a_query_that_was_over_in_a_moment_runs_where_it_is_asked_next_time(bench: MakeBench) -> None:
    b = bench(1)
    b.engine.release.set()

    assert b.service.run_at_once(MemoryProjectStore, instant("q"), first_value, owner="a") is None
    assert 1.0 == b.service.start(MemoryProjectStore, instant("q"), first_value, owner="a").wait()
    assert 1.0 == b.service.run_at_once(MemoryProjectStore, instant("q"), first_value, owner="a")
    assert 1.0 == sample(b.registry, "bongsu_query_at_once_total")
    assert 2.0 == sample(b.registry, "bongsu_query_ended_total", outcome="success")
    assert b.service.run_at_once(MemoryProjectStore, instant("q"), first_value, owner="b") is None
    assert b.service.run_at_once(MemoryProjectStore, instant("other"), first_value, owner="a") is None


def test_a_query_does_not_count_as_quick_for_ever(bench: MakeBench) -> None:
    b = bench(1)
    b.engine.release.set()
    b.service.start(MemoryProjectStore, instant("q"), first_value).wait()
    asyncio.run(b.clock.advance(301))

    assert b.service.run_at_once(MemoryProjectStore, instant("q"), first_value) is None


def test_a_query_that_became_slow_starts_again_in_a_thread(bench: MakeBench) -> None:
    b = bench(1)
    b.engine.release.set()
    b.service.start(MemoryProjectStore, instant("q"), first_value).wait()

    def slow_store() -> MemoryProjectStore:
        asyncio.run(b.clock.advance(0.02))
        return MemoryProjectStore()

    assert b.service.run_at_once(slow_store, instant("q"), first_value) is None
    assert b.service.run_at_once(MemoryProjectStore, instant("q"), first_value) is None
    assert 1.0 == b.service.start(MemoryProjectStore, instant("q"), first_value).wait()


def test_the_error_of_a_quick_query_is_told_once_by_the_thread_that_starts_it_again(bench: MakeBench) -> None:
    b = bench(1)
    b.engine.release.set()
    b.service.start(MemoryProjectStore, instant("q"), first_value).wait()

    def fail(_: Outcome) -> float:
        raise ExecutionError("no", id="promql-no")

    assert b.service.run_at_once(MemoryProjectStore, instant("q"), fail) is None
    with pytest.raises(ExecutionError, match="no"):
        b.service.start(MemoryProjectStore, instant("q"), fail).wait()
    assert 1.0 == sample(b.registry, "bongsu_query_ended_total", outcome="execution")


def test_an_owner_has_its_own_limit_of_samples_and_its_refusals_are_told() -> None:
    store, refused = MemoryProjectStore(), list[str]()
    write_rows(store, [Row({"__name__": "up", "i": str(i)}, 5, 1.0) for i in range(20)])
    limits = {"small": 10, "large": 0}
    engine = Engine(EngineOptions(max_samples=15, threads=1))
    service = QueryService(
        engine,
        limits=QueryLimits(),
        clock=ManualClock(),
        registry=CollectorRegistry(),
        log=structlog.get_logger(),
        max_samples_of=limits.get,
        count_refusal=refused.append,
    )

    def ask(owner: str) -> object:
        return service.start(lambda: store, instant("up"), lambda done: done.result.value, owner=owner).wait()

    for owner in ("small", "none"):
        with pytest.raises(TooManySamples, match=f"the limit is {limits.get(owner, 15)}"):
            ask(owner)
    assert ask("large") is not None
    limits["small"] = 30
    assert ask("small") is not None, "a change holds from the next query on"
    service.close()
    engine.close()

    assert ["small", "none"] == refused
