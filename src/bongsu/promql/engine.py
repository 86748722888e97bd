"""The engine: from the text of a query to its value over a project's store."""

from __future__ import annotations

import functools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.errors import InvalidInput
from bongsu.promql.annotations import Annotations
from bongsu.promql.execute.context import Context, Grid, QueryScope
from bongsu.promql.execute.evaluator import evaluate, range_window
from bongsu.promql.execute.extended_ranges import extended_samples
from bongsu.promql.execute.limits import Deadline, SampleBudget
from bongsu.promql.execute.presence import to_vector
from bongsu.promql.execute.shape import prune, with_dropped_names
from bongsu.promql.parser import parse, resolve_durations
from bongsu.promql.parser.ast import ValueType
from bongsu.promql.plan import PlanStep, Trace, explain, make_plan
from bongsu.promql.values import QueryResult, QueryStats, RangeVector, Scalar, String, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.promql.plan.nodes import PlanExpr
    from bongsu.storage.contract import ProjectStore

__all__ = ["Deadline", "Engine", "EngineOptions"]

_CACHED_PLANS = 1024
"""Plans kept: dashboards and rules repeat theirs, a plan is some kilobytes, and parsing is a third of a small query's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """
    Settings of the engine.

    Attributes
    ----------
    lookback_ms
        How far back a selector looks for a sample.
    max_samples
        Samples and cells that one query may hold at once; 0 means no limit.
    timeout_s
        Time that a query has unless it brings its own deadline.
    threads
        Series ranges that are computed at once, over all queries.
    features
        Prometheus' names of the language features that are on.
    default_subquery_step_ms
        Resolution of subqueries that name none.
    """

    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    timeout_s: float = 120.0
    threads: int = 2
    features: frozenset[str] = frozenset()
    default_subquery_step_ms: int = 60_000


class Engine:
    """Evaluates queries; may be used from any thread. Close it to end its own threads."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        # The calling thread computes too, so it needs one helper less than there are threads.
        helpers = self.options.threads - 1
        self._executor = ThreadPoolExecutor(helpers, "promql") if helpers > 0 else None
        self._plans = functools.lru_cache(_CACHED_PLANS)(functools.partial(_plan, self.options.features))

    def close(self) -> None:
        """End the engine's threads; no query may follow."""
        if self._executor is not None:
            self._executor.shutdown()

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
        """
        Evaluate a query at one time.

        Parameters
        ----------
        traced
            The result tells its plan and what each step of it cost.

        Raises
        ------
        ParseError, NotImplementedYet
            If the query is malformed, or uses what is not built.
        ExecutionError, QueryTimeout, QueryCancelled
            If the query has no answer, or not in time.
        """
        return self._run(store, text, Grid(time_ms, 0, 1), time_ms, True, lookback_ms, deadline, traced)

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
        """
        Evaluate a query at every step of ``[start_ms, end_ms]``; errors are those of `instant`.

        Raises
        ------
        InvalidInput
            If the end is before the start, the step is not positive, or the query is no scalar or instant vector.
        """
        if step_ms <= 0:
            raise InvalidInput(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
                id="promql-bad-step",
            )
        if end_ms < start_ms:
            raise InvalidInput("end timestamp must not be before start time", id="promql-bad-range")
        grid = Grid(start_ms, step_ms, (end_ms - start_ms) // step_ms + 1)
        return self._run(store, text, grid, end_ms, False, lookback_ms, deadline, traced)

    def explain(self, text: str, start_ms: int, end_ms: int, step_ms: int) -> PlanStep:
        """
        Return how a query would be executed; errors are those of `range` before it reads anything.

        Parameters
        ----------
        step_ms
            0 for a query at one moment.
        """
        repeats = 0 < step_ms <= end_ms - start_ms
        return explain(self._plans(text, step_ms, end_ms - start_ms, repeats))

    def _run(
        self,
        store: ProjectStore,
        text: str,
        grid: Grid,
        end_ms: int,
        instant: bool,
        lookback_ms: int | None,
        deadline: Deadline | None,
        traced: bool,
    ) -> QueryResult:
        began = time.perf_counter()
        expr = self._plans(text, grid.interval, end_ms - grid.start, grid.count > 1)
        if not instant and expr.value_type not in (ValueType.SCALAR, ValueType.VECTOR):
            kind = {"matrix": "range vector"}.get(expr.value_type.value, expr.value_type.value)
            raise InvalidInput(
                f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector',
                id="promql-bad-result-type",
            )
        annotations = Annotations(text)
        deadline = deadline or Deadline(self.options.timeout_s)
        most = self.options.max_samples if deadline.max_samples is None else deadline.max_samples
        query = QueryScope(
            store=store,
            grid=grid,
            end_ms=end_ms,
            annotations=annotations,
            deadline=deadline,
            budget=SampleBudget(most),
            features=self.options.features,
            lookback_ms=self.options.lookback_ms if lookback_ms is None else lookback_ms,
            default_step_ms=self.options.default_subquery_step_ms,
            instant=instant,
            executor=self._executor,
            threads=self.options.threads,
            memo={},
            trace=Trace() if traced else None,
        )
        value = _result(expr, Context(query, grid))
        budget = query.budget
        seconds = time.perf_counter() - began
        stats = QueryStats(seconds, budget.read, budget.peak, budget.series, budget.has_types)
        plan = explain(expr, query.trace) if traced else None
        return QueryResult(value, grid.times(), annotations.warnings, annotations.infos, stats, plan)


def _plan(features: frozenset[str], text: str, step_ms: int, range_ms: int, repeats: bool) -> PlanExpr:
    """Return the plan of a query; it depends on the times only by their distances."""
    expr = resolve_durations(parse(text, features=features), step_ms=step_ms, range_ms=range_ms, text=text)
    if expr.value_type is ValueType.MATRIX:
        return expr
    return make_plan(expr, n_steps=2 if repeats else 1)


def _result(expr: PlanExpr, context: Context) -> Scalar | String | Vector | RangeVector:
    if expr.value_type is ValueType.MATRIX:
        return _range_vector(expr, context)
    value = evaluate(expr, context)
    if isinstance(value, Scalar) and not context.query.instant:
        value = to_vector(value)
    if not isinstance(value, Vector):
        return value
    value = prune(with_dropped_names(value))
    # Whoever writes a matrix goes through it in the order of its labels; a matrix in another order would be a copy of megabytes.
    return value if context.query.instant or not value.ordered else replace(value, ordered=False)


def _range_vector(expr: PlanExpr, context: Context) -> RangeVector:
    """Return the samples of a range selector or subquery in an instant query."""
    with ExitStack() as stack:
        window = range_window(expr, context, stack)
        n_rows = len(window.reader.labels)
        block = window.reader.read(0, n_rows)
        context.query.budget.count_read(len(block.times))
        if window.extent is not None:
            block = extended_samples(window, block, context.query.lookback_ms)
        context.query.budget.hold(len(block.times))
        end = int(window.ends[0])
        opens = block.times >= end - window.span if window.extent else block.times > end - window.span
        inside = opens & (block.times <= end)
        rows = np.repeat(np.arange(n_rows), np.diff(block.offsets))[inside]
        counts = np.bincount(rows, minlength=n_rows)
        used = np.flatnonzero(counts)
        order = used[window.reader.labels.take(used).sort_order()]
        picked = _in_row_order(rows, np.flatnonzero(inside), order)
        offsets = np.concatenate(([0], np.cumsum(counts[order]))).astype(np.int64)
        histograms = None if block.histograms is None else block.histograms[picked]
        kinds = None
        if histograms is not None:
            kinds = np.where(histograms.present(), 2, 1).astype(np.uint8)
        labels = window.reader.labels.take(order)
        return RangeVector(labels, offsets, block.times[picked], block.values[picked], kinds, histograms)


def _in_row_order(
    rows: NDArray[np.int64], samples: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return sample indices sorted by the place of their row in `order`."""
    place = np.zeros(int(rows.max(initial=-1)) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    return samples[np.argsort(place[rows], kind="stable")]
