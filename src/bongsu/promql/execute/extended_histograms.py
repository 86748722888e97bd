"""
Ranges with filled edges of series that hold native histograms, and the samples of such ranges themselves.

`anchored` takes the sample before the range, `smoothed` a value between the two around its edge. The same as
`bongsu.kernels.extents` does for floats, in the arithmetic of histograms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.extents import extended_windows
from bongsu.kernels.window_ops import WindowOp
from bongsu.model.histograms import ResetHint
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import mixed_floats_and_histograms
from bongsu.promql.execute.histogram_windows import (
    SampleRow,
    mixed_layouts,
    not_a,
    zero_like,
)
from bongsu.promql.execute.shape import name_of
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts, add, is_reset, same, subtract

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.samples import SampleBlock
    from bongsu.promql.execute.sources import Cells
    from bongsu.promql.histograms.arithmetic import Merged
    from bongsu.promql.histograms.columns import HistogramCells
    from bongsu.promql.histograms.sparse import Sparse
    from bongsu.promql.parser.ast import Span


class Edges(NamedTuple):
    """First and last sample of a range with filled edges, as places in the row; `next_stop` ends what may be looked at."""

    first: int
    last: int
    next_stop: int


def find_edges(
    times: NDArray[np.int64], start: int, end: int, lookback: int, *, smoothed: bool
) -> Edges | None:
    """Return the edges of the range ``(start, end]``, None where it has no sample."""
    low = int(np.searchsorted(times, start - lookback, side="right"))
    high = int(np.searchsorted(times, end + (lookback if smoothed else 0), side="right"))
    if low >= high:
        return None
    last = high - 1
    first = max(low, low + int(np.searchsorted(times[low:last], start, side="right")) - 1)
    if smoothed:
        last = low + int(np.searchsorted(times[low:last], end, side="left"))
    return None if times[last] <= start else Edges(first, last, high)


def between(row: SampleRow, right: int, at: int) -> Sparse | float:
    """Return the value at a time between the sample before `right` and that at `right`; of unlike kinds, the one before."""
    share = float((at - row.times[right - 1]) / (row.times[right] - row.times[right - 1]))
    if row.is_histogram[right] != row.is_histogram[right - 1]:
        return row.point(right - 1) if row.is_histogram[right - 1] else float(row.values[right - 1])
    if not row.is_histogram[right]:
        before = float(row.values[right - 1])
        return before + (float(row.values[right]) - before) * share
    try:
        return interpolated(row.point(right - 1), row.point(right), share)
    except IncompatibleLayouts:
        return row.point(right - 1)


def interpolated(before: Sparse, after: Sparse, share: float) -> Sparse:
    """
    Return the histogram that lies between two.

    Raises
    ------
    IncompatibleLayouts
        If one has exponential and the other custom buckets.
    """
    result = after.copy()
    subtract(result, before)
    result.scale(share)
    add(result, before)
    both = before.reset_hint is after.reset_hint is ResetHint.GAUGE
    result.reset_hint = ResetHint.GAUGE if both else ResetHint.UNKNOWN
    return result


class _NoResult(Exception):
    """The window has no result; a note says why."""


@dataclass(frozen=True, slots=True)
class ExtendedHistograms:
    """Computes the windows of one row at a time; attributes as of `HistogramWindows`, and those of `ExtendedSource`."""

    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    lookback: int
    smoothed: bool
    labels: LabelColumns
    place: Span
    context: Context

    def __call__(
        self, row: int, block: SampleBlock, block_row: int, cells: Cells, histograms: HistogramCells
    ) -> None:
        """Fill the cells of row `row`, which is `block_row` of the block."""
        samples = SampleRow.of_block(block, block_row)
        name = name_of(self.labels, row)
        for step, end in enumerate(self.ends.tolist()):
            self.context.query.deadline.check()
            edges = find_edges(samples.times, end - self.span, end, self.lookback, smoothed=self.smoothed)
            if edges is None:
                continue
            try:
                result = self._one(name, samples, edges, end)
            except _NoResult:
                continue
            if isinstance(result, float):
                cells.values[block_row, step], cells.kinds[block_row, step] = result, KIND_FLOAT
            else:
                histograms.put((block_row, step), result.frozen())
                cells.kinds[block_row, step] = KIND_HISTOGRAM

    def _one(self, name: str, row: SampleRow, edges: Edges, end: int) -> float | Sparse:
        kinds = row.is_histogram[edges.first : edges.last + 1]
        if self.op in (WindowOp.RESETS, WindowOp.CHANGES):
            places = range(edges.first + 1, edges.last + 1)
            return float(sum(_is_transition(self.op, row, place) for place in places))
        if not kinds.any():
            return self._of_floats(row, edges, end)
        if not kinds.all():
            self._warn(mixed_floats_and_histograms(name))
            raise _NoResult
        self._check_hints(name, row, edges)
        try:
            result = self._difference(row, edges, end)
        except IncompatibleLayouts:
            self._warn(mixed_layouts(name))
            raise _NoResult from None
        if self.op is WindowOp.RATE:
            result.scale(1000.0 / self.span)
        result.reset_hint = ResetHint.GAUGE
        return result

    def _of_floats(self, row: SampleRow, edges: Edges, end: int) -> float:
        own = slice(edges.first, edges.last + 1)
        values, kinds = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8)
        samples = row.times[own], row.values[own], np.array([0, edges.last + 1 - edges.first], dtype=np.int64)
        extended_windows(
            self.op,
            samples,
            np.array([end]),
            self.span,
            self.lookback,
            values,
            kinds,
            smoothed=self.smoothed,
        )
        if not kinds[0, 0]:
            raise _NoResult
        return float(values[0, 0])

    def _difference(self, row: SampleRow, edges: Edges, end: int) -> Sparse:
        """Return the last histogram less the first, with what was lost at resets added back."""
        start, counter = end - self.span, self.op is not WindowOp.DELTA
        first, last, next_stop = edges
        left, right = row.point(first), row.point(last)
        left_filled = self.smoothed and bool(row.times[first] < start) and first + 1 < next_stop
        right_filled = self.smoothed and last > 0 and bool(row.times[last] > end)
        if left_filled:
            left = self._filled(row, first + 1, start, left_edge=True)
        if right_filled:
            right = self._filled(row, last, end, left_edge=False)
        result = right.copy()
        self._note(subtract(result, left), "subtraction")
        if not counter:
            return result
        before, filled = left, left_filled
        inside = range(first + (row.times[first] <= start), last + (row.times[last] < end))
        for place in inside:
            point = row.point(place)
            if place > first and (_fell(point, before) if filled else row.is_reset(place)):
                self._note(add(result, before), "addition")
            before, filled = point, False
        if right_filled or filled:
            fell = _fell(right, before)
        else:
            fell = last > first and last not in inside and row.is_reset(last)
        if fell:
            self._note(add(result, before), "addition")
        return result

    def _filled(self, row: SampleRow, right: int, at: int, *, left_edge: bool) -> Sparse:
        """Return the histogram at an edge; a counter that fell on the way started again from zero."""
        before, after = row.point(right - 1), row.point(right)
        if self.op is not WindowOp.DELTA and row.is_reset(right):
            if left_edge:
                before = zero_like(after)
            else:
                after = after.copy()
                add(after, before)
        share = float((at - row.times[right - 1]) / (row.times[right] - row.times[right - 1]))
        return interpolated(before, after, share)

    def _check_hints(self, name: str, row: SampleRow, edges: Edges) -> None:
        hints = row.histograms[edges.first : edges.last + 1].hints()
        if self.op is not WindowOp.DELTA and (hints == ResetHint.GAUGE).any():
            self._warn(not_a("counter", name))
        if self.op is WindowOp.DELTA and (hints[[0, -1]] != ResetHint.GAUGE).any():
            self._warn(not_a("gauge", name))

    def _note(self, met: Merged, word: str) -> None:
        if met.reconciled:
            self.context.query.annotations.inform(
                f"mismatched custom buckets were reconciled during {word}", self.place
            )

    def _warn(self, message: str) -> None:
        self.context.query.annotations.warn(message, self.place)


def _fell(current: Sparse, before: Sparse) -> bool:
    """Tell whether a counter was reset between two histograms of which one is made up: only what they count tells."""
    current = current.copy()
    current.reset_hint = ResetHint.UNKNOWN
    return is_reset(current, before)


def _is_transition(op: WindowOp, row: SampleRow, place: int) -> bool:
    """Tell whether there is a reset, or a change, between a sample and the one before."""
    if row.is_histogram[place] != row.is_histogram[place - 1]:
        return True
    if row.is_histogram[place]:
        if op is WindowOp.RESETS:
            return row.is_reset(place)
        return not same(row.point(place), row.point(place - 1))
    before, current = float(row.values[place - 1]), float(row.values[place])
    if op is WindowOp.RESETS:
        return current < before
    return current != before and not (np.isnan(current) and np.isnan(before))


def smoothed_row(
    ends: NDArray[np.int64], lookback: int
) -> Callable[[int, SampleBlock, int, Cells, HistogramCells], None]:
    """Return what fills the cells of one row of an instant selector that is smoothed."""

    def fill(row: int, block: SampleBlock, block_row: int, cells: Cells, histograms: HistogramCells) -> None:
        del row
        samples = SampleRow.of_block(block, block_row)
        times = samples.times
        after = np.searchsorted(times, ends, side="right").tolist()
        for step, end in enumerate(ends.tolist()):
            right = after[step]
            if right == 0 or times[right - 1] <= end - lookback:
                continue
            if times[right - 1] == end or right == len(times) or times[right] > end + lookback:
                value = samples.sample(right - 1)
            else:
                value = between(samples, right, end)
            if isinstance(value, float):
                cells.values[block_row, step], cells.kinds[block_row, step] = value, KIND_FLOAT
            else:
                histograms.put((block_row, step), value.frozen())
                cells.kinds[block_row, step] = KIND_HISTOGRAM

    return fill
