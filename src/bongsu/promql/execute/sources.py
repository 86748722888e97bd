"""
What selectors and range functions give, block by block: the matrix of some series, never of all at once.

A source can be made into a vector, or be aggregated as it flows; the latter needs memory for the groups only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bongsu.kernels.counters import started_windows
from bongsu.kernels.extents import extended_windows, smoothed_at
from bongsu.kernels.fused import aggregate_rows, compute_rows
from bongsu.kernels.window_ops import NEWEST
from bongsu.kernels.windows import latest, windows
from bongsu.model.samples import KIND_HISTOGRAM, STALE_BITS
from bongsu.promql.execute.blocks import run_blocks
from bongsu.promql.execute.extended_histograms import smoothed_row
from bongsu.promql.execute.samples import HistogramsMet, StoredSamples
from bongsu.promql.execute.shape import prune
from bongsu.promql.histograms.columns import HistogramCells
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.kernels.groups import GroupOp
    from bongsu.kernels.window_ops import WindowOp
    from bongsu.promql.execute.context import QueryScope
    from bongsu.promql.execute.samples import SampleBlock, SampleReader
    from bongsu.promql.histograms.columns import HistogramArray


@dataclass(frozen=True, slots=True)
class Cells:
    """
    The matrix of a block of series.

    Attributes
    ----------
    values, kinds : ndarray, shape (n_rows, n_steps)
    """

    values: NDArray[np.float64]
    kinds: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fused:
    """
    A function of stored series that one kernel computes from their chunks, without arrays of samples in between.

    Attributes
    ----------
    op
        A `WindowOp`, or `NEWEST`.
    """

    reader: StoredSamples
    op: int
    ends: NDArray[np.int64]
    span: int
    params: NDArray[np.float64]

    def compute(self, start: int, stop: int, cells: Cells) -> int:
        """
        Compute the cells of some rows; return the samples read.

        Raises
        ------
        HistogramsMet
            If there are histograms among the samples; then nothing is computed.
        """
        view = self.reader.float_chunks(start, stop)
        return compute_rows(
            self.op, view.directory(), self._limits(), self.ends, self.params, cells.values, cells.kinds
        )

    def aggregate(
        self, start: int, stop: int, op: GroupOp, groups: NDArray[np.int64], planes: NDArray[np.float64]
    ) -> int:
        """Add the cells of some rows to the accumulators of their groups; otherwise as `compute`."""
        view = self.reader.float_chunks(start, stop)
        return aggregate_rows(
            self.op, view.directory(), self._limits(), self.ends, self.params, op, groups, planes
        )

    def _limits(self) -> tuple[int, int, int, int]:
        return self.reader.start_ms, self.reader.end_ms, self.span, STALE_BITS


_NO_PARAMS = np.zeros((2, 1))


class Source(Protocol):
    """Series that are computed from samples."""

    @property
    def reader(self) -> SampleReader:
        """Where the samples come from."""
        ...

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        ...

    @property
    def fused(self) -> Fused | None:
        """The way past the arrays of samples, where there is one."""
        ...

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Compute the cells of the rows from `start_row`; return histograms beside them, if there are any."""
        ...


@dataclass(frozen=True, slots=True)
class SelectorSource:
    """
    The newest sample of each series at each step.

    Attributes
    ----------
    of_sample
        None for the sample's value; else what to take of the block's samples instead, such as their times.
    """

    reader: StoredSamples
    ends: NDArray[np.int64]
    lookback: int
    of_sample: Callable[[SampleBlock], NDArray[np.float64]] | None = None

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return len(self.ends)

    @property
    def fused(self) -> Fused | None:
        """One kernel, unless something else than the value is taken of a sample."""
        if self.of_sample is not None:
            return None
        return Fused(self.reader, NEWEST, self.ends, self.lookback, _NO_PARAMS)

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Pick the samples of a block."""
        del start_row
        picks = np.empty(cells.values.shape, dtype=np.int64)
        latest(block.floats, self.ends, self.lookback, STALE_BITS, picks)
        if len(block.times) == 0:
            cells.kinds[:] = 0
            return None
        values = block.values if self.of_sample is None else self.of_sample(block)
        np.take(values, picks, out=cells.values, mode="wrap")
        np.not_equal(picks, -1, out=cells.kinds.view(np.bool_))
        if block.histograms is None or self.of_sample is not None:
            return None
        histograms = block.histograms[picks].where(cells.kinds != 0)
        cells.kinds[histograms.present()] = KIND_HISTOGRAM
        return histograms


@dataclass(frozen=True, slots=True)
class WindowSource:
    """
    A range function over the samples of each series.

    Attributes
    ----------
    params : ndarray of float64, shape (2, n_steps)
        Arguments of the function, see `bongsu.kernels.windows.windows`.
    with_histograms
        Computes the rows that hold histograms.
    """

    reader: SampleReader
    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    params: NDArray[np.float64]
    with_histograms: Callable[[int, SampleBlock, int, Cells, HistogramCells], None]

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return len(self.ends)

    @property
    def fused(self) -> Fused | None:
        """One kernel, if the samples are stored ones."""
        if not isinstance(self.reader, StoredSamples):
            return None
        return Fused(self.reader, self.op, self.ends, self.span, self.params)

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Compute the windows of a block."""
        windows(self.op, block.floats, self.ends, self.span, self.params, cells.values, cells.kinds)
        return histogram_rows(self.with_histograms, start_row, block, cells)


def histogram_rows(
    compute: Callable[[int, SampleBlock, int, Cells, HistogramCells], None],
    start_row: int,
    block: SampleBlock,
    cells: Cells,
) -> HistogramArray | None:
    """Compute anew the rows of a block that hold histograms; return these, None when there are no such rows."""
    rows = block.rows_with_histograms()
    if len(rows) == 0:
        return None
    histograms = HistogramCells(cells.values.shape)
    for row in rows.tolist():
        cells.kinds[row] = 0
        compute(start_row + row, block, row, cells, histograms)
    return histograms.array()


@dataclass(frozen=True, slots=True)
class StartedSource:
    """
    A counter function that uses the start timestamps of the samples.

    Attributes
    ----------
    note_overlap
        Told the row of the source whose start timestamps contradict each other.
    with_histograms
        Computes the rows that hold histograms; theirs are not looked at.
    """

    reader: SampleReader
    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    note_overlap: Callable[[int], None]
    with_histograms: Callable[[int, SampleBlock, int, Cells, HistogramCells], None]

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return len(self.ends)

    @property
    def fused(self) -> None:
        """None."""
        return

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Compute the windows of a block."""
        overlaps = np.zeros(len(cells.values), dtype=np.uint8)
        started_windows(
            self.op,
            block.floats,
            block.starts,
            self.ends,
            self.span,
            cells.values,
            cells.kinds,
            overlaps,
        )
        for row in np.flatnonzero(overlaps).tolist():
            self.note_overlap(start_row + row)
        return histogram_rows(self.with_histograms, start_row, block, cells)


@dataclass(frozen=True, slots=True)
class ExtendedSource:
    """
    A counter or gauge function over windows whose edges are filled.

    Attributes
    ----------
    smoothed
        The edges are interpolated.
    with_histograms
        Computes the rows that hold histograms.
    """

    reader: SampleReader
    op: WindowOp
    ends: NDArray[np.int64]
    span: int
    lookback: int
    smoothed: bool
    with_histograms: Callable[[int, SampleBlock, int, Cells, HistogramCells], None]

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return len(self.ends)

    @property
    def fused(self) -> None:
        """None."""
        return

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Compute the windows of a block."""
        extended_windows(
            self.op,
            block.floats,
            self.ends,
            self.span,
            self.lookback,
            cells.values,
            cells.kinds,
            smoothed=self.smoothed,
        )
        return histogram_rows(self.with_histograms, start_row, block, cells)


@dataclass(frozen=True, slots=True)
class SmoothedSource:
    """The value of each series at each step, interpolated between the samples around it."""

    reader: SampleReader
    ends: NDArray[np.int64]
    lookback: int

    @property
    def n_steps(self) -> int:
        """Columns of the matrix."""
        return len(self.ends)

    @property
    def fused(self) -> None:
        """None."""
        return

    def fill(self, start_row: int, block: SampleBlock, cells: Cells) -> HistogramArray | None:
        """Interpolate the samples of a block."""
        smoothed_at(block.floats, self.ends, self.lookback, cells.values, cells.kinds)
        return histogram_rows(smoothed_row(self.ends, self.lookback), start_row, block, cells)


def materialize(source: Source, query: QueryScope) -> Vector:
    """Return the whole vector of a source."""
    labels = source.reader.labels
    shape = (len(labels), source.n_steps)
    query.budget.hold(shape[0] * shape[1])
    values, kinds = np.empty(shape), np.empty(shape, dtype=np.uint8)
    pieces: list[tuple[int, HistogramArray]] = []

    def work(part: int, start: int, stop: int) -> None:
        del part
        block = source.reader.read(start, stop)
        query.budget.count_read(len(block.times))
        piece = source.fill(start, block, Cells(values[start:stop], kinds[start:stop]))
        if piece is not None:
            pieces.append((start, piece))

    def compute(part: int, start: int, stop: int) -> bool:
        del part
        assert fused is not None
        try:
            query.budget.count_read(fused.compute(start, stop, Cells(values[start:stop], kinds[start:stop])))
        except HistogramsMet:
            return False
        return True

    fused = source.fused
    run_blocks(query, source.reader.sample_counts, source.n_steps, work, None if fused is None else compute)
    query.budget.release(shape[0] * shape[1])
    histograms = None
    if pieces:
        woven = HistogramCells(shape)
        for start, piece in pieces:
            woven.put_cells(slice(start, start + len(piece)), piece)
        histograms = woven.array()
    return prune(Vector(labels, values, kinds, histograms, source.reader.drop_name))
