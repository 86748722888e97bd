"""Everything that is stored of some series, piece by piece with bounded memory: for export."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.model.labels import METRIC_NAME, series_key
from bongsu.model.samples import KIND_HISTOGRAM, is_stale
from bongsu.promql.execute.samples import StoredSamples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.matchers import Matcher
    from bongsu.storage.contract import ProjectStore, Selection

_BLOCK_SAMPLES = 1 << 20
"""Samples decoded at once, some 24 MB."""

_BLOCK_ROWS = 1 << 12
"""Series decoded at once: their labels are made at once too."""


class SeriesPiece(NamedTuple):
    """
    Some samples of one series, in order of time; a long series comes in several pieces, one after the other.

    Attributes
    ----------
    times, values, starts : ndarray, shape (n_samples,)
        Float samples, stale markers included; start timestamps are 0 where unknown.
    histograms
        Timestamp, native histogram and start timestamp of each.
    """

    labels: dict[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    histograms: list[tuple[int, Histogram, int]]


def series_pieces(
    store: ProjectStore,
    selectors: Sequence[Sequence[Matcher]],
    start_ms: int,
    end_ms: int,
    *,
    family: Callable[[str], str] | None = None,
    max_samples: int = _BLOCK_SAMPLES,
) -> Iterator[SeriesPiece]:
    """
    Yield all samples of the series that match any selector in the closed range, each series once.

    Parameters
    ----------
    family
        Gives the family of a metric name; series of one family then follow each other. None leaves the store's order.
    max_samples
        Samples of one piece, and about as many decoded at once.
    """
    seen: set[bytes] | None = set() if len(selectors) > 1 else None
    for matchers in selectors:
        with store.select(matchers, start_ms, end_ms) as selection:
            for rows in _row_blocks(selection, family, max_samples):
                for piece in _read(selection, rows, start_ms, end_ms, max_samples):
                    if seen is None or series_key(piece.labels) not in seen:
                        yield piece
            if seen is not None:
                seen.update(map(series_key, selection.labels.maps()))


def without_stale(piece: SeriesPiece) -> SeriesPiece:
    """Return a piece without its stale markers, for formats that have none."""
    kept = ~is_stale(piece.values)
    if kept.all():
        return piece
    return piece._replace(times=piece.times[kept], values=piece.values[kept], starts=piece.starts[kept])


def count_histograms(
    store: ProjectStore, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
) -> int:
    """Return about how many native histograms `series_pieces` would give; nothing is decoded for it."""
    total = 0
    for matchers in selectors:
        with store.select(matchers, start_ms, end_ms) as selection:
            for rows in _row_blocks(selection, None, _BLOCK_SAMPLES):
                view = selection.chunks(rows.start, rows.stop)
                total += int(view.count[view.kind == KIND_HISTOGRAM].sum())
    return total


def _row_blocks(
    selection: Selection, family: Callable[[str], str] | None, max_samples: int
) -> Iterator[range]:
    """Yield ranges of rows that follow each other in the store, bounded in samples and rows."""
    for run in _runs(selection, family):
        start, total = run.start, 0
        for row, count in zip(run, selection.sample_counts[run.start : run.stop].tolist(), strict=True):
            if row > start and (total + count > max_samples or row - start >= _BLOCK_ROWS):
                yield range(start, row)
                start, total = row, 0
            total += count
        if start < run.stop:
            yield range(start, run.stop)


def _runs(selection: Selection, family: Callable[[str], str] | None) -> Iterator[range]:
    """Yield all rows as ranges; those of one family after each other."""
    n_series = selection.labels.n_series
    if family is None or not n_series:
        yield range(n_series)
        return
    column = selection.labels.get(METRIC_NAME)
    if column is None:
        return
    names = column.texts()
    families = {name: family(name) for name in set(names.tolist())}
    order = sorted(range(n_series), key=lambda row: (families[names[row]], names[row]))
    start = previous = order[0]
    for row in order[1:]:
        if row != previous + 1:
            yield range(start, previous + 1)
            start = row
        previous = row
    yield range(start, previous + 1)


def _read(
    selection: Selection, rows: range, start_ms: int, end_ms: int, max_samples: int
) -> Iterator[SeriesPiece]:
    labels = selection.labels.take(np.arange(rows.start, rows.stop)).maps()
    for begin, end in _windows(selection, rows, start_ms, end_ms, max_samples):
        samples = StoredSamples(selection, begin, end, keep_stale=True, with_starts=True, own_hints=True)
        block = samples.read(rows.start, rows.stop)
        for i, own_labels in enumerate(labels):
            own = slice(int(block.offsets[i]), int(block.offsets[i + 1]))
            times, values, starts = block.times[own], block.values[own], block.starts[own]
            found: list[tuple[int, Histogram, int]] = []
            if block.histograms is not None:
                given = block.histograms[own]
                is_histogram = given.present()
                found = list(
                    zip(
                        times[is_histogram].tolist(),
                        filter(None, given[is_histogram].objects()),
                        starts[is_histogram].tolist(),
                        strict=True,
                    )
                )
                times, values, starts = times[~is_histogram], values[~is_histogram], starts[~is_histogram]
            if len(times) or found:
                yield SeriesPiece(own_labels, times, values, starts, found)


def _windows(
    selection: Selection, rows: range, start_ms: int, end_ms: int, max_samples: int
) -> Iterator[tuple[int, int]]:
    """Yield the closed ranges of time in which rows are read: several for one long series, cut between its chunks."""
    if len(rows) > 1 or int(selection.sample_counts[rows.start]) <= max_samples:
        yield start_ms, end_ms
        return
    view = selection.chunks(rows.start, rows.stop)
    begin, total = start_ms, 0
    for first, count in zip(view.min_time.tolist(), view.count.tolist(), strict=True):
        if total and total + count > max_samples and first > begin:
            yield begin, first - 1
            begin, total = first, 0
        total += count
    yield begin, end_ms
