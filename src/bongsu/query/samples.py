"""Samples as they are stored, series by series: for those who compute themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.errors import LimitExceeded
from bongsu.promql.execute.samples import StoredSamples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.model.matchers import Matcher
    from bongsu.storage.contract import ProjectStore

_BLOCK_ROWS = 256
"""Series decoded at once; a day of them at 15 s is some 20 MB."""


class SeriesSamples(NamedTuple):
    """
    One series with its float samples.

    Attributes
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
        Stale markers included.
    """

    labels: dict[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


def stored_series(
    store: ProjectStore, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int
) -> Iterator[SeriesSamples]:
    """
    Yield the matching series that have float samples in the closed range; native histograms are passed over.

    Raises
    ------
    LimitExceeded
        If there may be more than `max_samples`; told before anything is decoded.
    """
    with store.select(matchers, start_ms, end_ms) as selection:
        total = int(selection.sample_counts.sum())
        if total > max_samples:
            raise LimitExceeded(
                f"the range holds up to {total} samples, a remote read may take {max_samples}; ask for fewer series or a "
                "shorter range",
                id="remote-read-limit",
                limit="remote read samples",
            )
        samples = StoredSamples(selection, start_ms, end_ms, keep_stale=True)
        for row in range(0, selection.labels.n_series, _BLOCK_ROWS):
            yield from _block(samples, row, min(row + _BLOCK_ROWS, selection.labels.n_series))


def _block(samples: StoredSamples, start_row: int, stop_row: int) -> Iterator[SeriesSamples]:
    block = samples.read(start_row, stop_row)
    for row in range(stop_row - start_row):
        own = slice(int(block.offsets[row]), int(block.offsets[row + 1]))
        times, values = block.times[own], block.values[own]
        if block.histograms is not None:
            floats = ~block.histograms[own].present()
            times, values = times[floats], values[floats]
        if len(times):
            yield SeriesSamples(samples.labels.labels(start_row + row), times, values)
