"""Range functions of series that hold native histograms, alone or among floats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._window_changes import extrapolation
from bongsu.kernels.counters import started_windows
from bongsu.kernels.histogram_samples import mark_transitions
from bongsu.kernels.histogram_windows import histogram_windows
from bongsu.kernels.window_ops import WindowOp
from bongsu.kernels.windows import windows
from bongsu.model.histograms import ResetHint
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import ignored_in_mixed_range, mixed_floats_and_histograms
from bongsu.promql.execute.shape import name_of
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts, add, is_reset, same, subtract
from bongsu.promql.histograms.columns import NEGATIVE, POSITIVE, Dense, no_histograms
from bongsu.promql.histograms.sparse import Sparse
from bongsu.promql.histograms.totals import HistogramTotal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.samples import SampleBlock
    from bongsu.promql.execute.sources import Cells
    from bongsu.promql.histograms.columns import HistogramArray, HistogramCells
    from bongsu.promql.parser.ast import Span

_OF_FLOATS = frozenset(
    {
        WindowOp.MIN_OVER_TIME,
        WindowOp.MAX_OVER_TIME,
        WindowOp.STDDEV_OVER_TIME,
        WindowOp.STDVAR_OVER_TIME,
        WindowOp.QUANTILE_OVER_TIME,
        WindowOp.MAD_OVER_TIME,
        WindowOp.DERIV,
        WindowOp.PREDICT_LINEAR,
        WindowOp.DOUBLE_EXPONENTIAL_SMOOTHING,
        WindowOp.TS_OF_MIN_OVER_TIME,
        WindowOp.TS_OF_MAX_OVER_TIME,
    }
)
"""Functions that use the floats of a range and pass over its histograms."""

_OF_COLUMNS = frozenset(
    {
        WindowOp.RATE,
        WindowOp.INCREASE,
        WindowOp.DELTA,
        WindowOp.IRATE,
        WindowOp.IDELTA,
        WindowOp.SUM_OVER_TIME,
        WindowOp.AVG_OVER_TIME,
    }
)
"""Functions that a kernel computes of all columns at once where the samples of a series are of one layout."""

STARTED = frozenset({WindowOp.RATE, WindowOp.INCREASE, WindowOp.IRATE, WindowOp.RESETS})
"""Functions to which it matters when a counter started."""

_BY_POSITION = frozenset(
    {
        WindowOp.COUNT_OVER_TIME,
        WindowOp.PRESENT_OVER_TIME,
        WindowOp.TS_OF_FIRST_OVER_TIME,
        WindowOp.TS_OF_LAST_OVER_TIME,
    }
)
"""Functions that don't look at what the samples are."""


class _NoResult(Exception):
    """The window has no result; a note says why."""


class SampleRow:
    """The samples of one series; histograms are taken apart, and compared with the one before, once for all windows."""

    def __init__(
        self,
        times: NDArray[np.int64],
        values: NDArray[np.float64],
        histograms: HistogramArray,
        starts: NDArray[np.int64] | None = None,
    ) -> None:
        self.times = times
        self.values = values
        self.histograms = histograms
        self.starts = np.zeros(len(times), dtype=np.int64) if starts is None else starts
        self.is_histogram = histograms.present()
        self._points: dict[int, Sparse] = {}
        self._resets: dict[int, bool] = {}

    @staticmethod
    def of_block(block: SampleBlock, block_row: int) -> SampleRow:
        """Return one row of a block."""
        own = slice(int(block.offsets[block_row]), int(block.offsets[block_row + 1]))
        times = block.times[own]
        histograms = no_histograms(times.shape) if block.histograms is None else block.histograms[own]
        return SampleRow(
            times, block.values[own], histograms, block.starts[own] if len(block.starts) else None
        )

    def sample(self, place: int) -> Sparse | float:
        """Return the sample at a place; nobody changes it."""
        return self.point(place) if self.is_histogram[place] else float(self.values[place])

    def point(self, place: int) -> Sparse:
        """Return the histogram at a place where there is one; nobody changes it, whoever computes takes a copy."""
        point = self._points.get(place)
        if point is None:
            point = self._points[place] = self.histograms.sparse(place)
        return point

    def is_reset(self, place: int) -> bool:
        """Tell whether a counter was reset between the histogram at `place` and the one before."""
        known = self._resets.get(place)
        if known is None:
            known = self.started_anew(place) or is_reset(self.point(place), self.point(place - 1))
            self._resets[place] = known
        return known

    def started_anew(self, place: int) -> bool:
        """Tell whether the start timestamp of a sample says that its counter was reset after the sample before."""
        start = self.starts[place]
        return bool(start != 0 and start != self.starts[place - 1] and start >= self.times[place - 1])

    def columns(self) -> Dense | None:
        """Return the samples as dense rows where all of them are histograms of one layout."""
        used = self.histograms.used_parts()
        if len(used) != 1 or not isinstance(used[0][1], Dense) or not self.is_histogram.all():
            return None
        part, rows = used[0][1], self.histograms.row_numbers()
        return part.take(rows)


@dataclass(frozen=True, slots=True)
class _Window:
    """The samples ``low:high`` of a row."""

    row: SampleRow
    low: int
    high: int
    end: int

    def __len__(self) -> int:
        return self.high - self.low

    @property
    def is_histogram(self) -> NDArray[np.bool_]:
        return self.row.is_histogram[self.low : self.high]

    def begins_with_zero(self, span: int) -> bool:
        """Tell whether the counter of the first sample is known to have started inside of the window."""
        start = int(self.row.starts[self.low])
        return start != 0 and self.end - span < start < self.row.times[self.low]

    @property
    def points(self) -> list[Sparse]:
        """The histograms of a window that holds nothing else."""
        return [self.row.point(place) for place in range(self.low, self.high)]


@dataclass(frozen=True, slots=True)
class HistogramWindows:
    """
    Computes the windows of one row at a time.

    Attributes
    ----------
    ends, span
        The windows, as for the kernels.
    labels
        Labels of all series of the function, for notes.
    place
        Where the range vector stands in the query.
    """

    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    params: NDArray[np.float64]
    labels: LabelColumns
    place: Span
    context: Context

    def __call__(
        self, row: int, block: SampleBlock, block_row: int, cells: Cells, histograms: HistogramCells
    ) -> None:
        """Fill the cells of row `row`, which is `block_row` of the block."""
        samples = SampleRow.of_block(block, block_row)
        name = name_of(self.labels, row)
        if self.op in _OF_FLOATS:
            self._floats_alone(name, samples, block_row, cells)
            return
        low = np.searchsorted(samples.times, self.ends - self.span, side="right")
        high = np.searchsorted(samples.times, self.ends, side="right")
        if self.op in (WindowOp.FIRST_OVER_TIME, WindowOp.LAST_OVER_TIME):
            self._picked(samples, low, high, block_row, cells, histograms)
            return
        # The kernel knows nothing of start timestamps.
        by_columns = self.op in _OF_COLUMNS and not (self._uses_starts() and samples.starts.any())
        columns = samples.columns() if by_columns else None
        if columns is not None:
            steps = self._of_columns(name, samples.times, columns, low, high)
            cells.kinds[block_row, steps[0]] = KIND_HISTOGRAM
            histograms.put_rows((block_row, steps[0]), steps[1], np.arange(len(steps[0])))
            return
        lows, highs = low.tolist(), high.tolist()
        for step, end in enumerate(self.ends.tolist()):
            if lows[step] >= highs[step]:
                continue
            self.context.query.deadline.check()
            try:
                result = self._one(name, _Window(samples, lows[step], highs[step], end))
            except _NoResult:
                continue
            if isinstance(result, float):
                cells.values[block_row, step], cells.kinds[block_row, step] = result, KIND_FLOAT
            elif result is not None:
                histograms.put((block_row, step), result)
                cells.kinds[block_row, step] = KIND_HISTOGRAM

    def _uses_starts(self) -> bool:
        return self.op in STARTED and self.context.query.uses_start_timestamps

    def _picked(
        self,
        samples: SampleRow,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        block_row: int,
        cells: Cells,
        histograms: HistogramCells,
    ) -> None:
        """Take the first or the last sample of each window."""
        steps = np.flatnonzero(high > low)
        picks = low[steps] if self.op is WindowOp.FIRST_OVER_TIME else high[steps] - 1
        cells.values[block_row, steps] = samples.values[picks]
        cells.kinds[block_row, steps] = np.where(samples.is_histogram[picks], KIND_HISTOGRAM, KIND_FLOAT)
        histograms.put_cells((block_row, steps), samples.histograms[picks])

    def _of_columns(
        self,
        name: str,
        times: NDArray[np.int64],
        columns: Dense,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
    ) -> tuple[NDArray[np.intp], Dense]:
        """Return the steps that have a result, and the results."""
        sums = self.op in (WindowOp.SUM_OVER_TIME, WindowOp.AVG_OVER_TIME)
        steps = np.flatnonzero(high - low >= (1 if sums else 2))
        hints = _HintCounts(columns.hints, low[steps], high[steps])
        counter = self.op in (WindowOp.RATE, WindowOp.INCREASE, WindowOp.IRATE)
        if self.op in (WindowOp.IRATE, WindowOp.IDELTA):
            hints = _HintCounts(columns.hints, high[steps] - 2, high[steps])
        if sums:
            if (hints.of(ResetHint.RESET) & hints.of(ResetHint.NO_RESET)).any():
                self._warn("conflicting counter resets during histogram aggregation")
        elif counter and hints.of(ResetHint.GAUGE).any():
            self._warn(not_a("counter", name))
        elif not counter and not hints.ends_are(ResetHint.GAUGE).all():
            self._warn(not_a("gauge", name))
        resets, _ = mark_transitions(columns.rows, columns.hints)
        rows = histogram_windows(self.op, (times, columns.rows, resets), self.ends, self.span, low, high)
        if not sums:
            return steps, Dense(columns.layout, rows, np.full(len(steps), ResetHint.GAUGE, dtype=np.uint8))
        given = None
        if columns.given is not None:
            given = np.zeros(len(steps), dtype=np.uint8)
            for side in (NEGATIVE, POSITIVE):
                given[_count_true(columns.given & side != 0, low[steps], high[steps]) > 0] |= side
        return steps, Dense(columns.layout, rows, hints.joined(), given)

    def _floats_alone(self, name: str, samples: SampleRow, block_row: int, cells: Cells) -> None:
        is_float = ~samples.is_histogram
        times, values = samples.times[is_float], samples.values[is_float]
        offsets = np.array([0, len(times)], dtype=np.int64)
        kept = slice(block_row, block_row + 1)
        windows(
            self.op,
            (times, values, offsets),
            self.ends,
            self.span,
            self.params,
            cells.values[kept],
            cells.kinds[kept],
        )
        others = samples.times[~is_float]
        if (_counts(times, self.ends, self.span) & _counts(others, self.ends, self.span)).any():
            self._inform(ignored_in_mixed_range(name))

    def _one(self, name: str, window: _Window) -> float | Histogram | None:
        if self.op in _BY_POSITION:
            return self._by_position(window)
        if self.op in (WindowOp.RESETS, WindowOp.CHANGES):
            return float(sum(self._is_transition(window.row, i) for i in range(window.low + 1, window.high)))
        if self.op in (WindowOp.IRATE, WindowOp.IDELTA):
            return self._last_two(name, window)
        if not window.is_histogram.any():
            return self._float_window(window)
        if not window.is_histogram.all():
            self._warn(mixed_floats_and_histograms(name))
            return None
        if self.op in (WindowOp.SUM_OVER_TIME, WindowOp.AVG_OVER_TIME):
            return self._total(name, window)
        return self._extrapolated(name, window)

    def _by_position(self, window: _Window) -> float:
        if self.op is WindowOp.COUNT_OVER_TIME:
            return float(len(window))
        if self.op is WindowOp.PRESENT_OVER_TIME:
            return 1.0
        place = window.low if self.op is WindowOp.TS_OF_FIRST_OVER_TIME else window.high - 1
        return float(window.row.times[place]) / 1000.0

    def _float_window(self, window: _Window) -> float | None:
        """Compute a window without histograms as the kernel does."""
        own = slice(window.low, window.high)
        values, kinds = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8)
        offsets = np.array([0, len(window)], dtype=np.int64)
        floats = (window.row.times[own], window.row.values[own], offsets)
        ends = np.array([window.end])
        if self._uses_starts():
            overlaps = np.zeros(1, dtype=np.uint8)
            started_windows(self.op, floats, window.row.starts[own], ends, self.span, values, kinds, overlaps)
            return float(values[0, 0]) if kinds[0, 0] else None
        windows(self.op, floats, ends, self.span, np.zeros((2, 1)), values, kinds)
        return float(values[0, 0]) if kinds[0, 0] else None

    def _is_transition(self, row: SampleRow, place: int) -> bool:
        """Tell whether there is a reset, or a change, between a sample and the one before."""
        if row.is_histogram[place] != row.is_histogram[place - 1]:
            return True
        if not row.is_histogram[place]:
            if self.op is WindowOp.RESETS and self._uses_starts() and row.started_anew(place):
                return True
            return self._is_float_transition(float(row.values[place - 1]), float(row.values[place]))
        if self.op is WindowOp.RESETS:
            return row.is_reset(place)
        return not same(row.point(place), row.point(place - 1))

    def _is_float_transition(self, before: float, current: float) -> bool:
        if self.op is WindowOp.RESETS:
            return current < before
        return current != before and not (np.isnan(current) and np.isnan(before))

    def _last_two(self, name: str, window: _Window) -> float | Histogram | None:
        row, last = window.row, window.high - 1
        if len(window) < 2 or row.times[last] == row.times[last - 1]:
            return None
        seconds = float(row.times[last] - row.times[last - 1]) / 1000.0
        rate = self.op is WindowOp.IRATE
        if not row.is_histogram[last - 1 : last + 1].any():
            change = float(row.values[last])
            anew = self._uses_starts() and row.started_anew(last)
            if not rate or not (anew or change < row.values[last - 1]):
                change -= float(row.values[last - 1])
            return change / seconds if rate else change
        if not row.is_histogram[last - 1 : last + 1].all():
            self._warn(mixed_floats_and_histograms(name))
            return None
        result = self._difference_of_two(name, row, last)
        return (result.divide(seconds) if rate else result).frozen()

    def _difference_of_two(self, name: str, row: SampleRow, last: int) -> Sparse:
        before, current = row.point(last - 1), row.point(last).copy()
        rate = self.op is WindowOp.IRATE
        hints = {before.reset_hint, current.reset_hint}
        if rate and ResetHint.GAUGE in hints:
            self._warn(not_a("counter", name))
        if not rate and hints != {ResetHint.GAUGE}:
            self._warn(not_a("gauge", name))
        if not rate or not row.is_reset(last):
            self._subtract(name, current, before)
        current.reset_hint = ResetHint.GAUGE
        return current

    def _subtract(self, name: str, target: Sparse, other: Sparse) -> None:
        try:
            met = subtract(target, other)
        except IncompatibleLayouts:
            self._warn(mixed_layouts(name))
            raise _NoResult from None
        if met.reconciled:
            self._inform("mismatched custom buckets were reconciled during subtraction")

    def _total(self, name: str, window: _Window) -> Histogram:
        total = HistogramTotal(mean=self.op is WindowOp.AVG_OVER_TIME)
        for point in window.points:
            try:
                total.add(point.copy())
            except IncompatibleLayouts:
                self._warn(mixed_layouts(name))
                raise _NoResult from None
        if total.collision:
            self._warn("conflicting counter resets during histogram aggregation")
        if total.reconciled:
            self._inform("mismatched custom buckets were reconciled during aggregation")
        return total.result()

    def _extrapolated(self, name: str, window: _Window) -> Histogram | None:
        counter = self.op is not WindowOp.DELTA
        from_zero = counter and window.begins_with_zero(self.span)
        if len(window) < 2 and not from_zero:
            return None
        row, first, last = window.row, window.low, window.high - 1
        increase = self._increase(name, window, counter, from_zero)
        zero_share = np.inf
        first_count = 0.0 if from_zero else row.point(first).count
        if counter and increase.count > 0 and first_count >= 0:
            zero_share = first_count / increase.count
        start, first_time = window.end - self.span, row.starts[first] if from_zero else row.times[first]
        gaps = last - first + from_zero
        factor = extrapolation(first_time, row.times[last], gaps, start, window.end, zero_share)
        if self.op is WindowOp.RATE:
            factor /= self.span / 1000.0
        return increase.scale(factor).frozen()

    def _increase(self, name: str, window: _Window, counter: bool, from_zero: bool) -> Sparse:
        """Return the last histogram less the first, or less zero, with what was lost at resets added back."""
        row, points = window.row, window.points
        self._check_hints(name, points, counter)
        before = zero_like(points[0]) if from_zero else points[0]
        ignored = not from_zero and counter and row.is_reset(window.low + 1)
        if ignored:
            # What the first one looked like does not matter then.
            before = zero_like(points[1])
        # Of a gauge only the ends matter.
        looked_at = points[1:] if counter else points[-1:]
        if any(point.is_custom != before.is_custom for point in looked_at):
            self._warn(mixed_layouts(name))
            raise _NoResult
        result = points[-1].copy().to_schema(min(point.schema for point in (before, *looked_at)))
        self._subtract(name, result, before)
        if counter:
            for place in range(window.low + 1 + ignored, window.high):
                if row.is_reset(place) and add(result, row.point(place - 1)).reconciled:
                    self._inform("mismatched custom buckets were reconciled during addition")
        result.reset_hint = ResetHint.GAUGE
        return result

    def _check_hints(self, name: str, points: list[Sparse], counter: bool) -> None:
        if counter and any(point.reset_hint is ResetHint.GAUGE for point in points):
            self._warn(not_a("counter", name))
        ends = (points[0].reset_hint, points[-1].reset_hint)
        if not counter and ends != (ResetHint.GAUGE, ResetHint.GAUGE):
            self._warn(not_a("gauge", name))

    def _warn(self, message: str) -> None:
        self.context.query.annotations.warn(message, self.place)

    def _inform(self, message: str) -> None:
        self.context.query.annotations.inform(message, self.place)


class _HintCounts:
    """The reset hints of the samples ``low:high`` of some windows."""

    def __init__(self, hints: NDArray[np.uint8], low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
        self._hints, self._low, self._high = hints, low, high

    def of(self, hint: ResetHint) -> NDArray[np.bool_]:
        """Tell for each window whether any sample has the hint."""
        return self._count(hint) > 0

    def ends_are(self, hint: ResetHint) -> NDArray[np.bool_]:
        """Tell for each window whether its first and its last sample have the hint."""
        return np.asarray((self._hints[self._low] == hint) & (self._hints[self._high - 1] == hint))

    def joined(self) -> NDArray[np.uint8]:
        """Return what is known of the sum of each window: a gauge if any is one, what all say, or nothing."""
        result = np.zeros(len(self._low), dtype=np.uint8)
        for hint in (ResetHint.RESET, ResetHint.NO_RESET):
            result[self._count(hint) == self._high - self._low] = hint
        result[self.of(ResetHint.GAUGE)] = ResetHint.GAUGE
        return result

    def _count(self, hint: ResetHint) -> NDArray[np.int64]:
        return _count_true(self._hints == hint, self._low, self._high)


def _count_true(
    flags: NDArray[np.bool_], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many of the flags ``low:high`` hold, for each window."""
    running = np.concatenate(([0], np.cumsum(flags)))
    return running[high] - running[low]


def _counts(times: NDArray[np.int64], ends: NDArray[np.int64], span: int) -> NDArray[np.bool_]:
    """Tell for each window whether it holds any of the times."""
    first = np.searchsorted(times, ends - span, side="right")
    return np.asarray(np.searchsorted(times, ends, side="right") > first)


def zero_like(histogram: Sparse) -> Sparse:
    """Return a histogram of the same layout that counts nothing."""
    return Sparse(histogram.schema, 0.0, 0.0, 0.0, 0.0, custom_values=histogram.custom_values)


def not_a(word: str, name: str) -> str:
    """Return the note that a metric is no counter, or no gauge."""
    return f"this native histogram metric is not a {word}: {quote(name)}"


def mixed_layouts(name: str) -> str:
    """Return the note that a range holds histograms without a common layout."""
    return (
        "vector contains a mix of histograms with exponential and custom buckets schemas "
        f"for metric name {quote(name)}"
    )
