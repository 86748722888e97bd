"""
Running queries within limits: so many at a time, each with a deadline, every one of them cancellable.

The service owns its worker threads; as many as queries may run, so that the pool is the gate. Whoever is next in the waiting line is
decided when a thread is free: owners take turns.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from prometheus_client import Counter, Histogram

from bongsu.model.errors import BongsuError, InvalidInput
from bongsu.promql.errors import ExecutionError, QueryCancelled, QueryTimeout, TooManySamples
from bongsu.promql.execute.limits import Deadline
from bongsu.query.active import ActiveQueries
from bongsu.query.errors import QueriesClosed, QueueTimeout
from bongsu.query.quick import QuickQueries, quick_key
from bongsu.query.requests import InstantQuery, RangeQuery
from bongsu.query.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.promql.plan import PlanStep
    from bongsu.promql.values import QueryResult
    from bongsu.query.active import ActiveQuery
    from bongsu.query.result_cache import ResultCache
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore

Answer = TypeVar("Answer")

_GRACE_S = 1.0
"""A query notices its deadline between two ranges of series; this long after it, its caller stops waiting."""

_AT_ONCE_S = 0.01
"""Time of a query that runs at once because it was quick lately; one that is not over by then starts again in a thread."""

_SLOW_S = 10.0
"""Queries that take longer are logged: about what a person waits for a panel."""

_OUTCOMES: Mapping[type[BongsuError], str] = {
    InvalidInput: "bad_data",
    ExecutionError: "execution",
    QueryTimeout: "timeout",
    QueryCancelled: "cancelled",
}

_ALL_OUTCOMES = ("success", *_OUTCOMES.values(), "unavailable", "internal")

_LOGGED_CHARACTERS = 2000
"""Enough to recognise a generated query by."""


class Engine(Protocol):
    """What evaluates queries; blocks, and may be called from any thread."""

    def instant(
        self,
        store: ProjectStore,
        text: str,
        time_ms: int,
        *,
        lookback_ms: int | None = None,
        deadline: Deadline | None = None,
        traced: bool = False,
    ) -> QueryResult:
        """Return the value of a query at one moment."""
        ...

    def range(
        self,
        store: ProjectStore,
        text: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        lookback_ms: int | None = None,
        deadline: Deadline | None = None,
        traced: bool = False,
    ) -> QueryResult:
        """Return the value of a query at every step of a range, both ends included."""
        ...

    def explain(self, text: str, start_ms: int, end_ms: int, step_ms: int) -> PlanStep:
        """Return how a query would be executed; `step_ms` is 0 for one at a moment."""
        ...


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """
    Bounds of all queries; the settings are ``query.<name>``, with ``timeout`` for `timeout_s`.

    Attributes
    ----------
    max_concurrent
        Queries that run at the same time; more wait.
    timeout_s
        Longest time of a query, waiting included; a query may ask for less.
    """

    max_concurrent: int = 20
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A query's result, and the seconds that it waited and ran."""

    result: QueryResult
    waited_s: float
    ran_s: float


class RunningQuery(Generic[Answer]):
    """
    A query on its way.

    Attributes
    ----------
    future
        Ends with the answer or the query's error.
    patience_s
        Seconds after which waiting for `future` has no point any more: give up with `overdue`.
    """

    def __init__(self, future: Future[Answer], deadline: Deadline, overdue: QueryTimeout) -> None:
        self.future = future
        self.patience_s = deadline.seconds + _GRACE_S
        self._deadline = deadline
        self._overdue = overdue

    def cancel(self) -> None:
        """Give the query up: it leaves the queue, or ends at its next check."""
        self._deadline.cancel()
        self.future.cancel()

    def overdue(self) -> QueryTimeout:
        """Cancel a query that outlived its patience; return the error to answer with."""
        waiting = self.future.cancel()
        self.cancel()
        return self._overdue if waiting else QueryTimeout(self._deadline.seconds)

    def wait(self) -> Answer:
        """Return the answer; for callers that may block."""
        try:
            return self.future.result(self.patience_s)
        except FutureTimeout:
            raise self.overdue() from None
        except CancelledError:
            raise QueryCancelled from None


class QueryService:
    """
    Runs queries of any project's store. May be used from any thread.

    Parameters
    ----------
    engine
        Evaluates them.
    limits
        How many, how long.
    clock
        Measures deadlines and durations.
    registry
        Takes ``bongsu_query_active``, ``bongsu_query_duration_seconds``, ``bongsu_query_ended_total``,
        ``bongsu_query_samples_total`` and ``bongsu_query_at_once_total``.
    log
        Told of slow queries.
    cache
        Keeps answers of range queries; None when every query is evaluated.
    max_samples_of
        Most samples that a query of an owner may hold; None leaves it to the engine.
    count_refusal
        Told an owner whose query was refused for its samples.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        limits: QueryLimits,
        clock: Clock,
        registry: CollectorRegistry,
        log: FilteringBoundLogger,
        cache: ResultCache | None = None,
        max_samples_of: Callable[[str], int | None] = lambda _owner: None,
        count_refusal: Callable[[str], None] = lambda _owner: None,
    ) -> None:
        self._max_samples_of = max_samples_of
        self._count_refusal = count_refusal
        self._cache = cache
        self.limits = limits
        self._engine = engine
        self._clock = clock
        self._log = log
        self._active = ActiveQueries(registry)
        self._quick = QuickQueries(clock.monotonic)
        self._waiting: Turns[tuple[Future[Any], Callable[[], Any]]] = Turns()  # answers are of any type
        self._pool = ThreadPoolExecutor(limits.max_concurrent, thread_name_prefix="query")
        self._closed = False
        duration = Histogram(
            "bongsu_query_duration_seconds",
            "Time that queries ran, without waiting.",
            ["kind"],
            registry=registry,
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
        )
        self._duration = {kind: duration.labels(kind) for kind in ("instant", "range")}
        ended = Counter(
            "bongsu_query_ended_total", "Queries by how they ended.", ["outcome"], registry=registry
        )
        self._ended = {outcome: ended.labels(outcome) for outcome in _ALL_OUTCOMES}
        self._samples = Counter(
            "bongsu_query_samples_total", "Samples that queries read from the store.", registry=registry
        )
        self._at_once = Counter(
            "bongsu_query_at_once_total", "Queries answered without a change of threads.", registry=registry
        )

    def start(
        self,
        open_store: Callable[[], ProjectStore],
        query: InstantQuery | RangeQuery,
        finish: Callable[[Outcome], Answer],
        *,
        owner: str = "",
    ) -> RunningQuery[Answer]:
        """
        Run a query in a worker thread as soon as there is room.

        Parameters
        ----------
        open_store
            Gives the store of the caller's project, in the worker thread.
        finish
            Makes the answer out of the result, in the worker thread, while the query still counts as running.
        owner
            On whose behalf; when queries wait, owners take turns.

        Raises
        ------
        QueriesClosed
            If the service is closed.
        """
        if self._closed:
            raise QueriesClosed
        seconds = self.limits.timeout_s
        if query.timeout_ms is not None:
            seconds = min(seconds, query.timeout_ms / 1000)
        deadline = self._deadline(seconds, owner)
        kind = "instant" if isinstance(query, InstantQuery) else "range"
        number = self._active.add(kind, query.text, self._clock.now_ms())
        submitted_s = self._clock.monotonic()
        future: Future[Answer] = Future()
        future.add_done_callback(lambda _: self._active.remove(number))
        self._waiting.put(
            owner,
            (future, lambda: self._run(number, submitted_s, open_store, query, deadline, finish, owner)),
        )
        try:
            self._pool.submit(self._run_next)
        except RuntimeError:  # closed since it was looked at
            future.cancel()
            raise QueriesClosed from None
        return RunningQuery(future, deadline, QueueTimeout(seconds, self.limits.max_concurrent))

    def run_at_once(
        self,
        open_store: Callable[[], ProjectStore],
        query: InstantQuery | RangeQuery,
        finish: Callable[[Outcome], Answer],
        *,
        owner: str = "",
    ) -> Answer | None:
        """
        Run a query in the calling thread if it was over in a moment lately; else return None: then `start` it.

        None also where it fails: whoever starts it then gets the error. Arguments are those of `start`.
        """
        key = quick_key(owner, query)
        if self._closed or key not in self._quick:
            return None
        started_s = self._clock.monotonic()
        deadline = self._deadline(_AT_ONCE_S, owner)
        try:
            answer = self._answer(open_store, query, deadline, finish, started_s, owner)
        except BongsuError:
            self._quick.forget(key)
            return None
        self._at_once.inc()
        self._note(query, self._clock.monotonic() - started_s, "success")
        return answer

    def explain(self, query: InstantQuery | RangeQuery) -> PlanStep:
        """Return how a query would be executed, without reading anything; takes no longer than parsing."""
        if isinstance(query, InstantQuery):
            return self._engine.explain(query.text, query.time_ms, query.time_ms, 0)
        return self._engine.explain(query.text, query.start_ms, query.end_ms, query.step_ms)

    @property
    def helpers(self) -> Executor:
        """
        Threads that may help with an answer after its query has ended: those of the queries, when they are free.

        What is given to them must be short, and its giver must do without them: they may all be busy.
        """
        return self._pool

    def active(self) -> tuple[ActiveQuery, ...]:
        """Return the queries that wait or run now, of all projects, oldest first."""
        return self._active.list()

    def close(self) -> None:
        """Start no more queries, drop those that wait, let those that run end; returns when they have."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        while (waiting := self._waiting.take()) is not None:
            waiting[0].cancel()

    def _run_next(self) -> None:
        """Run the query whose turn it is; there are as many calls of this as queries."""
        waiting = self._waiting.take()
        if waiting is None or not waiting[0].set_running_or_notify_cancel():
            return
        future, run = waiting
        try:
            future.set_result(run())
        except BaseException as error:  # noqa: BLE001 - it rises where the answer is waited for
            future.set_exception(error)

    def _run(
        self,
        number: int,
        submitted_s: float,
        open_store: Callable[[], ProjectStore],
        query: InstantQuery | RangeQuery,
        deadline: Deadline,
        finish: Callable[[Outcome], Answer],
        owner: str,
    ) -> Answer:
        started_s = self._clock.monotonic()
        self._active.start(number)
        outcome = "internal"
        try:
            self._check_queue(deadline)
            answer = self._answer(open_store, query, deadline, finish, submitted_s, owner)
            outcome = "success"
        except BongsuError as error:
            outcome = _outcome(error)
            if isinstance(error, TooManySamples):
                self._count_refusal(owner)
            raise
        finally:
            self._note(query, self._clock.monotonic() - started_s, outcome)
        return answer

    def _answer(
        self,
        open_store: Callable[[], ProjectStore],
        query: InstantQuery | RangeQuery,
        deadline: Deadline,
        finish: Callable[[Outcome], Answer],
        submitted_s: float,
        owner: str,
    ) -> Answer:
        """Evaluate and finish; called when the query runs, and no more waits."""
        started_s, busy_s = self._clock.monotonic(), time.thread_time()
        result = self._evaluate(open_store(), query, deadline, owner)
        ran_s = self._clock.monotonic() - started_s
        answer = finish(Outcome(result, started_s - submitted_s, ran_s))
        self._samples.inc(result.stats.samples)
        self._quick.note(quick_key(owner, query), time.thread_time() - busy_s)
        return answer

    def _deadline(self, seconds: float, owner: str) -> Deadline:
        return Deadline(seconds, monotonic=self._clock.monotonic, max_samples=self._max_samples_of(owner))

    def _check_queue(self, deadline: Deadline) -> None:
        try:
            deadline.check()
        except QueryTimeout:
            raise QueueTimeout(deadline.seconds, self.limits.max_concurrent) from None

    def _evaluate(
        self, store: ProjectStore, query: InstantQuery | RangeQuery, deadline: Deadline, owner: str
    ) -> QueryResult:
        if isinstance(query, InstantQuery):
            return self._engine.instant(
                store,
                query.text,
                query.time_ms,
                lookback_ms=query.lookback_ms,
                deadline=deadline,
                traced=query.traced,
            )

        def evaluate(start_ms: int, end_ms: int) -> QueryResult:
            return self._engine.range(
                store,
                query.text,
                start_ms,
                end_ms,
                query.step_ms,
                lookback_ms=query.lookback_ms,
                deadline=deadline,
                traced=query.traced,
            )

        if self._cache is None:
            return evaluate(query.start_ms, query.end_ms)
        return self._cache.answer(store, query, evaluate, owner=owner)

    def _note(self, query: InstantQuery | RangeQuery, seconds: float, outcome: str) -> None:
        kind = "instant" if isinstance(query, InstantQuery) else "range"
        self._duration[kind].observe(seconds)
        self._ended[outcome].inc()
        if seconds > _SLOW_S:
            self._log.info(
                "slow query",
                kind=kind,
                seconds=round(seconds, 3),
                outcome=outcome,
                text=query.text[:_LOGGED_CHARACTERS],
            )


def _outcome(error: BongsuError) -> str:
    return next((outcome for kind, outcome in _OUTCOMES.items() if isinstance(error, kind)), "unavailable")
