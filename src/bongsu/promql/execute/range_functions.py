"""Functions of range vectors: what is read, which windows, which notes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.window_ops import WindowOp
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import quote
from bongsu.promql.annotations import bad_quantile, not_counter_by_name, not_counter_by_type
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.extended_histograms import ExtendedHistograms
from bongsu.promql.execute.histogram_windows import STARTED, HistogramWindows
from bongsu.promql.execute.samples import StoredSamples
from bongsu.promql.execute.shape import drop_names, name_of, names_of
from bongsu.promql.execute.sources import ExtendedSource, StartedSource, WindowSource, materialize
from bongsu.promql.parser.ast import Extent
from bongsu.promql.plan.nodes import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.samples import SampleReader
    from bongsu.promql.parser.ast import Call, Span
    from bongsu.promql.plan.nodes import PlanExpr
    from bongsu.promql.values import Scalar, Vector

WINDOW_OPS = {op.name.lower(): op for op in WindowOp}
"""The functions of range vectors that a kernel computes, by their PromQL names."""

_KEEP_NAME = frozenset({"last_over_time", "first_over_time"})
"""Functions whose result is a sample of the series itself."""

_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_COUNTER_TYPES = ("counter", "histogram")


_EXTENDED = {
    Extent.ANCHORED: (WindowOp.RESETS, WindowOp.CHANGES, WindowOp.RATE, WindowOp.INCREASE, WindowOp.DELTA),
    Extent.SMOOTHED: (WindowOp.RATE, WindowOp.INCREASE, WindowOp.DELTA),
}
"""Functions that have a meaning on ranges with filled edges."""


@dataclass(frozen=True, slots=True)
class Window:
    """
    A range vector at every step.

    Attributes
    ----------
    ends : ndarray of int64, shape (n_steps,)
        Where each window ends, Unix milliseconds; it covers ``(end - span, end]``.
    argument
        The expression of the range vector, for notes.
    """

    reader: SampleReader
    ends: NDArray[np.int64]
    span: int
    argument: PlanExpr
    extent: Extent | None = None


def window_source(
    call: Call, window: Window, scalars: Sequence[Scalar], context: Context
) -> WindowSource | StartedSource | ExtendedSource:
    """Return the source of a function's results, after its arguments were checked."""
    op = WINDOW_OPS[call.function.name]
    params = _params(op, scalars, context)
    _check_params(op, params, call, window, context)
    _note_possible_gauge(op, window, context)
    if window.extent is not None:
        return _extended_source(op, window, place(call.args[0]), context)
    names = window.reader.labels
    started = op in STARTED and context.query.uses_start_timestamps
    histograms = HistogramWindows(op, window.ends, window.span, params, names, place(call.args[0]), context)
    if started and isinstance(window.reader, StoredSamples):
        return _started_source(op, window, window.reader, histograms, context)
    return WindowSource(window.reader, op, window.ends, window.span, params, histograms)


def _started_source(
    op: WindowOp, window: Window, reader: StoredSamples, histograms: HistogramWindows, context: Context
) -> StartedSource:
    def note_overlap(row: int) -> None:
        context.query.annotations.warn(
            f"encountered overlapping start timestamps for metric name {quote(name_of(reader.labels, row))}",
            place(window.argument),
        )

    with_starts = replace(reader, with_starts=True)
    return StartedSource(with_starts, op, window.ends, window.span, note_overlap, histograms)


def _extended_source(op: WindowOp, window: Window, span: Span, context: Context) -> ExtendedSource:
    assert window.extent is not None
    allowed = _EXTENDED[window.extent]
    if op not in allowed:
        names = ", ".join(sorted(each.name.lower() for each in allowed))
        raise ExecutionError(
            f"{window.extent.value} modifier can only be used with: {names} - not with {op.name.lower()}",
            id="promql-bad-extent",
        )
    smoothed = window.extent is Extent.SMOOTHED
    lookback, reader = context.query.lookback_ms, window.reader
    histograms = ExtendedHistograms(
        op, window.ends, window.span, lookback, smoothed, reader.labels, span, context
    )
    return ExtendedSource(reader, op, window.ends, window.span, lookback, smoothed, histograms)


def apply_window(call: Call, window: Window, scalars: Sequence[Scalar], context: Context) -> Vector:
    """Return the vector of a range function."""
    vector = materialize(window_source(call, window, scalars, context), context.query)
    return vector if keeps_name(call) else drop_names(vector, context, across_steps=False)


def keeps_name(call: Call) -> bool:
    """Tell whether the results of a range function are still the same metric."""
    return call.function.name in _KEEP_NAME


def _params(op: WindowOp, scalars: Sequence[Scalar], context: Context) -> NDArray[np.float64]:
    params = np.zeros((2, context.grid.count))
    for row, scalar in enumerate(scalars):
        params[row] = scalar.values
    if op is WindowOp.PREDICT_LINEAR:
        params[1] = context.grid.times()
    return params


def _check_params(
    op: WindowOp, params: NDArray[np.float64], call: Call, window: Window, context: Context
) -> None:
    if op is WindowOp.QUANTILE_OVER_TIME:
        bad_steps = ~((params[0] >= 0) & (params[0] <= 1))
        if bad_steps.any():
            bad_steps &= _steps_with_floats(window, range(len(window.reader.labels)), 1)
        for value in _distinct(params[0][bad_steps]):
            context.query.annotations.warn(bad_quantile(value), place(call.args[0]))
    if op is WindowOp.DOUBLE_EXPONENTIAL_SMOOTHING:
        for name, letters, row in (("smoothing", "sf", params[0]), ("trend", "tf", params[1])):
            bad = row[(row <= 0) | (row >= 1)]
            if len(bad):
                raise ExecutionError(
                    f"invalid {name} factor. Expected: 0 < {letters} < 1, got: {bad[0]:f}",
                    id="promql-bad-parameter",
                )


def _note_possible_gauge(op: WindowOp, window: Window, context: Context) -> None:
    """Note metrics whose name does not look like a counter's."""
    if op not in (WindowOp.RATE, WindowOp.INCREASE):
        return
    labels, annotations = window.reader.labels, context.query.annotations
    if context.query.asks_for_types:
        for kind in names_of(labels, label="__type__"):
            rows = _rows_with(labels, "__type__", kind)
            for name in names_of(labels, rows) if kind not in _COUNTER_TYPES else ():
                own = np.intersect1d(rows, _rows_with(labels, METRIC_NAME, name))
                if name and _has_results(window, own):
                    annotations.inform(not_counter_by_type(kind, name), place(window.argument))
        return
    for name in names_of(labels):
        looks_so = not name or name.endswith(_COUNTER_SUFFIXES)
        if not looks_so and _has_results(window, _rows_with(labels, METRIC_NAME, name)):
            annotations.inform(not_counter_by_name(name), place(window.argument))


def _rows_with(labels: LabelColumns, label: str, value: str) -> NDArray[np.int64]:
    column = labels.get(label)
    if column is None:
        return np.arange(len(labels))
    return np.flatnonzero(column.texts() == value)


def _has_results(window: Window, chosen: NDArray[np.int64]) -> bool:
    """Tell whether any of the series has the floats that an increase needs in any window."""
    rows = chosen.tolist()
    reader = window.reader
    if isinstance(reader, StoredSamples):
        rows = [row for row in rows if reader.has_floats(row)]
    needed = 2 if window.extent is None else 1
    return any(_steps_with_floats(window, [row], needed, alone=True).any() for row in rows)


def _steps_with_floats(
    window: Window, rows: Sequence[int], needed: int, *, alone: bool = False
) -> NDArray[np.bool_]:
    """Tell for each window whether any of the rows has so many floats in it, without histograms if `alone`."""
    found = np.zeros(len(window.ends), dtype=np.bool_)
    for row in rows:
        block = window.reader.read(row, row + 1)
        is_float = np.ones(len(block.times), dtype=np.bool_)
        if block.histograms is not None:
            is_float = ~block.histograms.present()
        fits = _counts(window, block.times[is_float]) >= needed
        if alone and not is_float.all():
            fits &= _counts(window, block.times[~is_float]) == 0
        found |= fits
        if found.all():
            break
    return found


def _counts(window: Window, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of the times each window holds."""
    first = np.searchsorted(times, window.ends - window.span, side="right")
    return np.searchsorted(times, window.ends, side="right") - first


def _distinct(values: NDArray[np.float64]) -> list[float]:
    """Return each value once, NaN too."""
    distinct: list[float] = np.unique(values).tolist()
    return distinct
