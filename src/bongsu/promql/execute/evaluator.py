"""Evaluation of a tree: each node gives its value at all steps at once."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import METRIC_NAME
from bongsu.promql.errors import NotImplementedYet
from bongsu.promql.execute.aggregate import aggregate_source, aggregate_vector, can_stream
from bongsu.promql.execute.binary import combine
from bongsu.promql.execute.context import Context, Grid
from bongsu.promql.execute.functions import call_function
from bongsu.promql.execute.histogram_operators import negated
from bongsu.promql.execute.info import enrich, info_matchers, info_selector
from bongsu.promql.execute.presence import absent
from bongsu.promql.execute.range_functions import (
    WINDOW_OPS,
    Window,
    apply_window,
    keeps_name,
    window_source,
)
from bongsu.promql.execute.samples import EvaluatedSamples, SampleBlock, StoredSamples
from bongsu.promql.execute.shape import (
    RESERVED_LABELS,
    drop_names,
    empty_vector,
    prune,
    repeat_step,
)
from bongsu.promql.execute.sources import SelectorSource, SmoothedSource, materialize
from bongsu.promql.parser.ast import (
    Aggregate,
    Binary,
    Call,
    Extent,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    UnaryOp,
    ValueType,
    VectorSelector,
)
from bongsu.promql.plan.nodes import Once, Shared, bare
from bongsu.promql.values import Scalar, String, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import QueryScope
    from bongsu.promql.execute.sources import Source
    from bongsu.promql.plan.nodes import PlanExpr
    from bongsu.promql.values import Value


def evaluate(expr: PlanExpr, context: Context) -> Value:
    """Return the value of an expression that is no range vector, and count its cells while the caller holds it."""
    context.query.deadline.check()
    held = context.query.budget.held
    value = _evaluate(expr, context) if context.query.trace is None else _traced(expr, context)
    # The operands are gone; what is held from here on is what was held before, and the result.
    context.query.budget.release(context.query.budget.held - held)
    context.query.budget.hold(value.values.size if isinstance(value, Vector) else 0)
    return value


def _traced(expr: PlanExpr, context: Context) -> Value:
    """Evaluate an expression and note what it cost."""
    values: list[Value] = []

    def run() -> tuple[int, int, int]:
        value = _evaluate(expr, context)
        values.append(value)
        if not isinstance(value, Vector):
            return 0, context.grid.count, 8 * context.grid.count
        size = value.values.nbytes + (0 if value.kinds is None else value.kinds.nbytes)
        return value.n_series, value.values.size, size

    assert context.query.trace is not None
    context.query.trace.measure(expr, lambda: context.query.budget.read, run)
    return values[0]


@functools.singledispatch
def _evaluate(expr: object, context: Context) -> Value:  # noqa: ARG001 - the dispatcher's signature
    raise AssertionError(f"BUG: no way to evaluate {type(expr).__name__}")


@_evaluate.register(NumberLiteral)
def _number(expr: NumberLiteral, context: Context) -> Value:
    return Scalar(np.full(context.grid.count, expr.value))


@_evaluate.register(StringLiteral)
def _string(expr: StringLiteral, context: Context) -> Value:
    del context
    return String(expr.value)


@_evaluate.register(Paren)
def _paren(expr: Paren, context: Context) -> Value:
    return _evaluate(expr.expr, context)


@_evaluate.register(Unary)
def _unary(expr: Unary, context: Context) -> Value:
    value = evaluate(expr.expr, context)
    if expr.op is UnaryOp.PLUS:
        return value
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    assert isinstance(value, Vector)
    negative = replace(value, values=-value.values, histograms=negated(value.histograms))
    return drop_names(negative, context)


@_evaluate.register(VectorSelector)
def _selector(expr: VectorSelector, context: Context) -> Value:
    with ExitStack() as stack:
        return materialize(selector_source(expr, context, stack), context.query)


@_evaluate.register(Once)
def _once(expr: Once, context: Context) -> Value:
    grid = context.grid
    value = evaluate(expr.expr, context.on(Grid(grid.start, grid.interval, 1)))
    if isinstance(value, Scalar):
        return Scalar(np.broadcast_to(value.values, (grid.count,)))
    return repeat_step(value, grid.count) if isinstance(value, Vector) else value


@_evaluate.register(Shared)
def _shared(expr: Shared, context: Context) -> Value:
    key = (expr.expr, context.grid)
    known: Value | None = context.query.memo.get(key)
    if known is not None:
        return known
    notes = len(context.query.annotations)
    value = evaluate(expr.expr, context)
    # Notes name the place of this occurrence; the others have to be evaluated to give theirs.
    if len(context.query.annotations) == notes:
        context.query.memo[key] = value
    return value


@_evaluate.register(Binary)
def _binary(expr: Binary, context: Context) -> Value:
    left = evaluate(expr.lhs, context)
    right = evaluate(expr.rhs, context)
    return combine(expr, left, right, context)


@_evaluate.register(Aggregate)
def _aggregate(expr: Aggregate, context: Context) -> Value:
    if can_stream(expr.op):
        with ExitStack() as stack:
            source = _streamed(expr.expr, context, stack)
            if source is not None:
                return aggregate_source(expr, source, context, drops_names=_drops_names(expr.expr))
    param = None if expr.param is None else evaluate(expr.param, context)
    vector = evaluate(expr.expr, context)
    assert isinstance(vector, Vector)
    return aggregate_vector(expr, vector, param, context)


def _streamed(expr: PlanExpr, context: Context, stack: ExitStack) -> Source | None:
    """Return the source of an aggregation's operand, where it is one that can flow block by block."""
    if isinstance(expr, Paren):
        return _streamed(expr.expr, context, stack)
    if isinstance(expr, VectorSelector):
        return selector_source(expr, context, stack)
    if not isinstance(expr, Call) or expr.function.name not in WINDOW_OPS:
        return None
    window, scalars = _window_arguments(expr, context, stack)
    if not keeps_name(expr) and not context.query.delays_names and _has_equal_series(window):
        return None
    return window_source(expr, window, scalars, context)


def _drops_names(expr: PlanExpr) -> bool:
    """Tell whether what flows is another metric than what was selected."""
    inner = bare(expr)
    return isinstance(inner, Call) and not keeps_name(inner)


def _has_equal_series(window: Window) -> bool:
    """Tell whether series differ in their names only: an error if they all have results, so it must be seen which have."""
    labels = window.reader.labels
    columns = [column for name in RESERVED_LABELS if (column := labels.get(name)) is not None]
    if all(len(np.unique(column.codes)) == 1 for column in columns):
        return False
    return len(labels.drop(RESERVED_LABELS).group_ids()[1]) < len(labels)


@_evaluate.register(Call)
def _call(expr: Call, context: Context) -> Value:
    name = expr.function.name
    if name in WINDOW_OPS or name == "absent_over_time":
        with ExitStack() as stack:
            window, scalars = _window_arguments(expr, context, stack)
            if name == "absent_over_time":
                return absent(bare(expr.args[0]), _any_sample(window))
            return apply_window(expr, window, scalars, context)
    if name == "timestamp" and isinstance(selector := bare(expr.args[0]), VectorSelector):
        with ExitStack() as stack:
            source = selector_source(selector, context, stack)
            if isinstance(source, SelectorSource):
                source = replace(source, of_sample=_sample_seconds)
            return drop_names(materialize(source, context.query), context)
    if name == "start_timestamp":
        return _start_timestamps(expr, context)
    if name == "info":
        return _info(expr, context)
    if any(argument.value_type is ValueType.MATRIX for argument in expr.args):
        raise NotImplementedYet(f"{name}()")
    return call_function(expr, [evaluate(argument, context) for argument in expr.args], context)


def _start_timestamps(call: Call, context: Context) -> Vector:
    """Return when the counter of each sample started; samples that don't say are left out."""
    selector = bare(call.args[0])
    if not isinstance(selector, VectorSelector) or selector.extent is not None:
        raise NotImplementedYet("start_timestamp() of anything but a plain selector")
    with ExitStack() as stack:
        source = selector_source(selector, context, stack)
        assert isinstance(source, SelectorSource)
        reader = replace(source.reader, with_starts=True)
        source = replace(source, reader=reader, of_sample=lambda block: block.starts / 1000.0)
        vector = materialize(source, context.query)
    known = np.where(vector.values == 0.0, 0, vector.kind_matrix()).astype(np.uint8)
    return drop_names(prune(replace(vector, kinds=known)), context)


def _info(call: Call, context: Context) -> Vector:
    base = evaluate(call.args[0], context)
    assert isinstance(base, Vector)
    asked = bare(call.args[1]) if len(call.args) > 1 else None
    wanted = info_matchers(asked.matchers if isinstance(asked, VectorSelector) else ())
    with ExitStack() as stack:
        source = selector_source(info_selector(call.args[0], wanted), context, stack)
        assert isinstance(source, SelectorSource)
        info = materialize(source, context.query)
        times = materialize(replace(source, of_sample=_sample_seconds), context.query)
    return enrich(base, info, times, wanted)


def _sample_seconds(block: SampleBlock) -> NDArray[np.float64]:
    return block.times / 1000.0


_ROWS_AT_ONCE = 64
"""Series read at once where the first few mostly settle the question."""


def _any_sample(window: Window) -> NDArray[np.bool_]:
    """Tell for each window whether any series has a sample in it."""
    found = np.zeros(len(window.ends), dtype=np.bool_)
    n_rows = len(window.reader.labels)
    for row in range(0, n_rows, _ROWS_AT_ONCE):
        times = np.sort(window.reader.read(row, min(row + _ROWS_AT_ONCE, n_rows)).times)
        first = np.searchsorted(times, window.ends - window.span, side="right")
        found |= np.searchsorted(times, window.ends, side="right") > first
        if found.all():
            break
    return found


def _window_arguments(call: Call, context: Context, stack: ExitStack) -> tuple[Window, list[Scalar]]:
    """Return the range vector of a call and its other arguments, in their order."""
    scalars: list[Scalar] = []
    window: Window | None = None
    for argument in call.args:
        if argument.value_type is ValueType.MATRIX:
            window = range_window(argument, context, stack)
        else:
            value = evaluate(argument, context)
            assert isinstance(value, Scalar)
            scalars.append(value)
    assert window is not None
    return window, scalars


def selector_source(
    expr: VectorSelector, context: Context, stack: ExitStack
) -> SelectorSource | SmoothedSource:
    """Select the series of an instant selector; the selection is open until `stack` is left."""
    query = context.query
    ends = context.ends(_ms(expr.offset), expr.at)
    start, end = int(ends[0]) - query.lookback_ms + 1, int(ends[-1])
    if expr.extent is Extent.SMOOTHED:
        end += query.lookback_ms
    selection = stack.enter_context(query.store.select(expr.matchers, start, end))
    _count_series(selection.labels, query)
    if expr.extent is Extent.SMOOTHED:
        reader = StoredSamples(selection, start, end, keep_stale=False)
        return SmoothedSource(reader, ends, query.lookback_ms)
    return SelectorSource(StoredSamples(selection, start, end, keep_stale=True), ends, query.lookback_ms)


def _count_series(labels: LabelColumns, query: QueryScope) -> None:
    has_types = any(name in labels for name in RESERVED_LABELS if name != METRIC_NAME)
    query.budget.count_series(len(labels), has_types=has_types)


def range_window(expr: PlanExpr, context: Context, stack: ExitStack) -> Window:
    """Return the range vector of a range selector or subquery; selections are open until `stack` is left."""
    matrix = bare(expr)
    if isinstance(matrix, Subquery):
        return _subquery_window(matrix, expr, context)
    assert isinstance(matrix, MatrixSelector)
    selector = matrix.selector
    span = _ms(matrix.range)
    ends = context.ends(_ms(selector.offset), selector.at)
    start, end = int(ends[0]) - span + 1, int(ends[-1])
    if selector.extent is not None:
        start -= context.query.lookback_ms
    if selector.extent is Extent.SMOOTHED:
        end += context.query.lookback_ms
    selection = stack.enter_context(context.query.store.select(selector.matchers, start, end))
    _count_series(selection.labels, context.query)
    reader = StoredSamples(selection, start, end, keep_stale=False)
    return Window(reader, ends, span, expr, selector.extent)


def _subquery_window(subquery: Subquery, expr: PlanExpr, context: Context) -> Window:
    """Evaluate a subquery at the multiples of its step that its windows need."""
    span = _ms(subquery.range)
    step = context.query.default_step_ms if subquery.step is None else _ms(subquery.step)
    ends = context.ends(_ms(subquery.offset), subquery.at)
    first = (int(ends[0]) - span) // step * step + step
    count = (int(ends[-1]) - first) // step + 1
    if count < 1:
        grid, vector = Grid(first, step, 1), empty_vector(1)
    else:
        grid = Grid(first, step, count)
        value = evaluate(subquery.expr, context.on(grid))
        assert isinstance(value, Vector | Scalar)
        vector = value if isinstance(value, Vector) else _as_vector(value)
    return Window(EvaluatedSamples(vector, grid), ends, span, expr)


def _as_vector(value: Scalar) -> Vector:
    from bongsu.promql.execute.presence import to_vector

    return to_vector(value)


def _ms(duration: object) -> int:
    """Return a duration that has been resolved, in milliseconds."""
    assert isinstance(duration, int), f"BUG: unresolved duration {duration!r}"
    return duration
