"""Samples of many series, block by block: from a store's chunks, or from the cells of a subquery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bongsu.kernels.rows import read_rows
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM, STALE_BITS, STALE_NAN
from bongsu.promql.execute.histogram_samples import read_histograms
from bongsu.promql.histograms.columns import concatenate, no_histograms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Grid
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.values import Vector
    from bongsu.storage.contract import ChunkView, Selection

_NO_STARTS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """
    Samples of some series, one series after another, each in order of time.

    Attributes
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
        Zero where there is a histogram.
    offsets : ndarray of int64, shape (n_rows + 1,)
        Row *i* owns ``offsets[i]:offsets[i + 1]``.
    starts : ndarray of int64, shape (n_samples,)
        Start timestamps, 0 where unknown; of length 0 when they were not asked for.
    histograms : HistogramArray, shape (n_samples,), optional
        The histogram of each such sample; no array when all are floats.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    offsets: NDArray[np.int64]
    starts: NDArray[np.int64]
    histograms: HistogramArray | None = None

    @property
    def floats(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """The three arrays that the kernels take."""
        return self.times, self.values, self.offsets

    def rows_with_histograms(self) -> NDArray[np.int64]:
        """Return the rows that hold at least one histogram."""
        if self.histograms is None:
            return np.empty(0, dtype=np.int64)
        counts = np.concatenate(([0], np.cumsum(self.histograms.present())))
        return np.flatnonzero(counts[self.offsets[1:]] > counts[self.offsets[:-1]])


class HistogramsMet(Exception):
    """What was taken for floats holds histograms."""


class SampleReader(Protocol):
    """Series whose samples can be read in blocks, from any thread."""

    @property
    def labels(self) -> LabelColumns:
        """Labels of the series, one row each."""
        ...

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Upper bound of each series' samples; shape (n_series,)."""
        ...

    @property
    def drop_name(self) -> NDArray[np.bool_] | None:
        """Series whose metric name goes when the query ends, as in `Vector`."""
        ...

    def read(self, start_row: int, stop_row: int) -> SampleBlock:
        """Return the samples of some rows."""
        ...


@dataclass(frozen=True, slots=True)
class StoredSamples:
    """
    Samples of a selection in ``[start_ms, end_ms]``.

    Attributes
    ----------
    keep_stale
        Stale markers are wanted: a selector ends a series there, a range passes over them.
    with_starts
        Start timestamps are wanted.
    own_hints
        Histograms are what was written; otherwise their reset hints are what the samples before them say, and one whose sum is
        the stale marker is a stale marker.
    floats_alone
        Histograms end the reading, before they are decoded, with `HistogramsMet`.
    """

    selection: Selection
    start_ms: int
    end_ms: int
    keep_stale: bool
    with_starts: bool = False
    own_hints: bool = False
    floats_alone: bool = False

    @property
    def labels(self) -> LabelColumns:
        """Labels of the selected series."""
        return self.selection.labels

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Upper bound of each series' samples."""
        return self.selection.sample_counts

    @property
    def drop_name(self) -> None:
        """None: stored series have their names for good."""
        return

    def read(self, start_row: int, stop_row: int) -> SampleBlock:
        """Return the samples of some rows, decoded."""
        view = self.selection.chunks(start_row, stop_row)
        capacity = int(view.count.sum())
        times = np.empty(capacity, dtype=np.int64)
        values = np.empty(capacity, dtype=np.float64)
        starts = np.empty(capacity, dtype=np.int64) if self.with_starts else _NO_STARTS
        offsets = np.empty(stop_row - start_row + 1, dtype=np.int64)
        read_rows(
            view.directory(),
            self.start_ms,
            self.end_ms,
            STALE_BITS,
            keep_stale=self.keep_stale,
            times=times,
            values=values,
            starts=starts,
            offsets=offsets,
        )
        used = int(offsets[-1])
        floats = SampleBlock(times[:used], values[:used], offsets, starts[:used])
        if not (view.kind == KIND_HISTOGRAM).any():
            return floats
        if self.floats_alone:
            raise HistogramsMet
        return self._with_histograms(floats, view)

    def float_chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """
        Return the chunks of some rows, which the caller decodes.

        Raises
        ------
        HistogramsMet
            If there are histograms among them.
        """
        view = self.selection.chunks(start_row, stop_row)
        if (view.kind == KIND_HISTOGRAM).any():
            raise HistogramsMet
        return view

    def has_floats(self, row: int) -> bool:
        """Tell whether a row may have float samples; nothing is decoded."""
        return bool((self.selection.chunks(row, row + 1).kind == KIND_FLOAT).any())

    def _with_histograms(self, floats: SampleBlock, view: ChunkView) -> SampleBlock:
        """Weave the histogram samples of `view` into the floats."""
        found = read_histograms(view, self.start_ms, self.end_ms, own_hints=self.own_hints)
        if not self.keep_stale:
            found = found.take(found.histograms.present())
        if len(found.times) == 0:
            return floats
        n_floats, n_rows = len(floats.times), len(floats.offsets) - 1
        of_rows = np.concatenate((np.repeat(np.arange(n_rows), np.diff(floats.offsets)), found.rows))
        times = np.concatenate((floats.times, found.times))
        order = np.lexsort((times, of_rows))
        values = np.concatenate((floats.values, np.where(found.histograms.present(), 0.0, STALE_NAN)))
        starts = floats.starts
        if self.with_starts:
            starts = np.concatenate((starts, found.starts))[order]
        offsets = np.concatenate(([0], np.cumsum(np.bincount(of_rows, minlength=n_rows)))).astype(np.int64)
        histograms = concatenate([no_histograms((n_floats,)), found.histograms])[order]
        return SampleBlock(times[order], values[order], offsets, starts, histograms)


@dataclass(frozen=True, slots=True)
class EvaluatedSamples:
    """The cells of a vector, taken as samples at the steps of its grid."""

    vector: Vector
    grid: Grid

    @property
    def labels(self) -> LabelColumns:
        """Labels of the vector."""
        return self.vector.labels

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Cells that are present."""
        counts: NDArray[np.int64] = self.vector.present().sum(axis=1, dtype=np.int64)
        return counts

    @property
    def drop_name(self) -> NDArray[np.bool_] | None:
        """That of the vector."""
        return self.vector.drop_name

    def read(self, start_row: int, stop_row: int) -> SampleBlock:
        """Return the cells of some rows."""
        present = self.vector.present()[start_row:stop_row]
        offsets = np.concatenate(([0], np.cumsum(present.sum(axis=1)))).astype(np.int64)
        times = np.broadcast_to(self.grid.times(), present.shape)[present]
        values = self.vector.values[start_row:stop_row][present]
        histograms = None
        if self.vector.histograms is not None:
            # The sample before may be another one than that which the hint is about.
            histograms = self.vector.histograms[start_row:stop_row][present].without_reset_hints()
            values = np.where(histograms.present(), 0.0, values)
        return SampleBlock(times, values, offsets, _NO_STARTS, histograms)
