"""sum and avg over series of which some are native histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.groups import GroupOp, accumulate, finish
from bongsu.kernels.histogram_windows import accumulate_rows
from bongsu.model.histograms import ResetHint
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.execute.shape import name_of, prune
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts
from bongsu.promql.histograms.columns import BUCKETS, Dense, HistogramCells, Layout
from bongsu.promql.histograms.totals import HistogramTotal
from bongsu.promql.parser.ast import AggregateOp
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.parser.ast import Aggregate


def aggregate_histograms(
    node: Aggregate, vector: Vector, groups: NDArray[np.int64], labels: LabelColumns, context: Context
) -> Vector:
    """Return sums or averages; a group that has floats and histograms at one step has no result there, but a warning."""
    assert vector.histograms is not None
    shape = (len(labels), vector.n_steps)
    kinds, values = np.empty(shape, dtype=np.uint8), np.empty(shape)
    planes = np.zeros((3, *shape))
    own_kinds = vector.kind_matrix()
    op = GroupOp.SUM if node.op is AggregateOp.SUM else GroupOp.AVG
    accumulate(op, vector.values, own_kinds, groups, planes)
    finish(op, planes, values, kinds)
    members = np.zeros(shape, dtype=np.int64)
    np.add.at(members, groups, own_kinds == KIND_HISTOGRAM)
    mixed = (members > 0) & (kinds == KIND_FLOAT)
    if mixed.any():
        context.query.annotations.warn(
            "encountered a mix of histograms and floats for aggregation", node.expr.span
        )
    kinds[mixed] = KIND_ABSENT
    used = vector.histograms.where((own_kinds == KIND_HISTOGRAM) & ~mixed[groups])
    totals = _Totals(node, vector.labels, context, HistogramCells(shape))
    for group in np.flatnonzero(members.any(axis=1)).tolist():
        totals.add_group(group, np.flatnonzero(groups == group), used)
    kinds[totals.cells.codes >= 0] = KIND_HISTOGRAM
    return prune(Vector(labels, values, kinds, totals.cells.array()))


class _Totals:
    """Sums or means, group by group, written into `cells`."""

    def __init__(
        self, node: Aggregate, labels: LabelColumns, context: Context, cells: HistogramCells
    ) -> None:
        self._node = node
        self._labels = labels
        self._context = context
        self._is_mean = node.op is AggregateOp.AVG
        self.cells = cells

    def add_group(self, group: int, rows: NDArray[np.intp], histograms: HistogramArray) -> None:
        """Sum the histograms of one group at every step: as columns if they are of one layout, else cell by cell."""
        columns = _Columns(histograms.shape[1])
        if all(columns.add(histograms[row]) for row in rows.tolist()):
            total = columns.total(mean=self._is_mean)
            if total is not None:
                if columns.collision():
                    self._warn_of_collision()
                self.cells.put_rows((group, columns.steps()), total, np.arange(len(columns.steps())))
                return
        for step in np.flatnonzero(histograms[rows].present().any(axis=0)).tolist():
            found = self._one(histograms, rows, step)
            if found is not None:
                self.cells.put((group, step), found)

    def _one(self, histograms: HistogramArray, rows: NDArray[np.intp], step: int) -> Histogram | None:
        notes, place = self._context.query.annotations, self._node.expr.span
        total = HistogramTotal(mean=self._is_mean)
        for row in rows[histograms.codes[rows, step] >= 0].tolist():
            try:
                total.add(histograms.sparse(row, step))
            except IncompatibleLayouts:
                notes.warn(
                    "vector contains a mix of histograms with exponential and custom buckets schemas "
                    f"for metric name {quote(name_of(self._labels, row))}",
                    place,
                )
                return None
        if total.collision:
            self._warn_of_collision()
        if total.reconciled:
            notes.inform("mismatched custom buckets were reconciled during aggregation", place)
        return total.result()

    def _warn_of_collision(self) -> None:
        self._context.query.annotations.warn(
            "conflicting counter resets during histogram aggregation", self._node.expr.span
        )


class _Columns:
    """The histograms of one group as dense rows, as long as all are of one layout but for the range of their buckets."""

    def __init__(self, n_steps: int) -> None:
        self._found: list[tuple[Dense, NDArray[np.int64], NDArray[np.intp]]] = []
        self._hints = np.zeros((len(ResetHint), n_steps), dtype=np.int64)

    def add(self, cells: HistogramArray) -> bool:
        """Take the cells of one series; tell whether they fit."""
        numbers, rows = cells.part_numbers(), cells.row_numbers()
        for number, part in cells.used_parts():
            if not isinstance(part, Dense) or not (
                not self._found or part.layout.is_like(self._found[0][0].layout)
            ):
                return False
            steps = np.flatnonzero(numbers == number)
            self._found.append((part, rows[steps], steps))
            self._hints[part.hints[rows[steps]], steps] += 1
        return True

    def steps(self) -> NDArray[np.intp]:
        """Return the steps at which there is any histogram."""
        return np.flatnonzero(self._hints.any(axis=0))

    def collision(self) -> bool:
        """Tell whether some begin with a counter reset and others, at the same step, are known not to."""
        return bool(((self._hints[ResetHint.RESET] > 0) & (self._hints[ResetHint.NO_RESET] > 0)).any())

    def total(self, *, mean: bool) -> Dense | None:
        """Return sum or mean at each of the `steps`, None where a sum is too large for a float."""
        if not self._found:
            return None
        layout = self._layout()
        totals = np.zeros((self._hints.shape[1], layout.width))
        carries = np.zeros_like(totals)
        for part, rows, steps in self._found:
            accumulate_rows(part.rows[rows], steps, _columns_in(part.layout, layout), totals, carries)
        steps = self.steps()
        with np.errstate(all="ignore"):
            sums = np.where(np.isinf(totals), totals, totals + carries)[steps]
            if mean and np.isinf(sums).any():
                return None
            if mean:
                sums /= self._hints.sum(axis=0)[steps, np.newaxis]
        return Dense(layout, sums, self._joined()[steps])

    def _layout(self) -> Layout:
        layouts = [part.layout for part, _, _ in self._found]
        first = layouts[0]
        return Layout(
            first.schema,
            first.zero_threshold,
            first.custom_values,
            _hull([layout.negative for layout in layouts]),
            _hull([layout.positive for layout in layouts]),
        )

    def _joined(self) -> NDArray[np.uint8]:
        """Return what is known of each sum: a gauge if any is one, what all say, or nothing."""
        result = np.zeros(self._hints.shape[1], dtype=np.uint8)
        for hint in (ResetHint.RESET, ResetHint.NO_RESET):
            result[self._hints[hint] == self._hints.sum(axis=0)] = hint
        result[self._hints[ResetHint.GAUGE] > 0] = ResetHint.GAUGE
        return result


def _hull(ranges: list[tuple[int, int]]) -> tuple[int, int]:
    """Return first index and number of the buckets that cover all the ranges."""
    used = [each for each in ranges if each[1]]
    if not used:
        return 0, 0
    first = min(start for start, _ in used)
    return first, max(start + length for start, length in used) - first


def _columns_in(own: Layout, wider: Layout) -> NDArray[np.int64]:
    """Return where each column of a layout is in one that covers it."""
    negative = BUCKETS + own.negative[0] - wider.negative[0] + np.arange(own.negative[1])
    first = BUCKETS + wider.negative[1] + own.positive[0] - wider.positive[0]
    return np.concatenate((np.arange(BUCKETS), negative, first + np.arange(own.positive[1])))
