"""Samples as they are stored, series by series: for those who compute themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.errors import LimitExceeded
from bongsu.model.samples import KIND_HISTOGRAM
from bongsu.promql.execute.samples import StoredSamples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.matchers import Matcher
    from bongsu.storage.contract import ProjectStore, Selection

_BLOCK_ROWS = 256
"""Series decoded at once; a day of them at 15 s is some 20 MB."""

_AT_ONCE = 5_000_000
"""Samples up to which a whole selection is decoded before its series are put in order, some 80 MB; more are read series by series."""

_HISTOGRAM_WEIGHT = 10
"""Samples that a native histogram counts as: with its twenty or so buckets it is that much longer, and an object while it is written."""


class SeriesSamples(NamedTuple):
    """
    One series with its samples.

    Attributes
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
        Stale markers included.
    histograms
        Native histograms with their times.
    """

    labels: dict[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    histograms: tuple[tuple[int, Histogram], ...] = ()


def stored_series(
    store: ProjectStore, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int
) -> Iterator[SeriesSamples]:
    """
    Yield the matching series that have samples in the closed range, in the order of their labels.

    Raises
    ------
    LimitExceeded
        If there may be more than `max_samples`; told before anything is decoded.
    """
    with store.select(matchers, start_ms, end_ms) as selection:
        total = _weight(selection)
        if total > max_samples:
            raise LimitExceeded(
                f"the range holds up to {total} samples, a native histogram counted as {_HISTOGRAM_WEIGHT}, and a remote read "
                f"may take {max_samples}; ask for fewer series or a shorter range",
                id="remote-read-limit",
                limit="remote read samples",
            )
        samples = StoredSamples(selection, start_ms, end_ms, keep_stale=True, own_hints=True)
        order = selection.labels.sort_order().tolist()
        if total <= _AT_ONCE:
            found = dict(_all_rows(samples))
            yield from (found[row] for row in order if row in found)
        else:
            for row in order:
                yield from (series for _, series in _rows(samples, row, row + 1))


def _weight(selection: Selection) -> int:
    chunks = selection.chunks(0, selection.labels.n_series)
    native = int(chunks.count[chunks.kind == KIND_HISTOGRAM].sum())
    return int(selection.sample_counts.sum()) + (_HISTOGRAM_WEIGHT - 1) * native


def _all_rows(samples: StoredSamples) -> Iterator[tuple[int, SeriesSamples]]:
    n_series = samples.labels.n_series
    for row in range(0, n_series, _BLOCK_ROWS):
        yield from _rows(samples, row, min(row + _BLOCK_ROWS, n_series))


def _rows(samples: StoredSamples, start_row: int, stop_row: int) -> Iterator[tuple[int, SeriesSamples]]:
    block = samples.read(start_row, stop_row)
    for row in range(stop_row - start_row):
        own = slice(int(block.offsets[row]), int(block.offsets[row + 1]))
        times, values = block.times[own], block.values[own]
        histograms: tuple[tuple[int, Histogram], ...] = ()
        if block.histograms is not None:
            given = block.histograms[own]
            native = given.present()
            histograms = tuple(
                zip(times[native].tolist(), filter(None, given[native].objects()), strict=True)
            )
            times, values = times[~native], values[~native]
        if len(times) or histograms:
            labels = samples.labels.labels(start_row + row)
            yield start_row + row, SeriesSamples(labels, times, values, histograms)
