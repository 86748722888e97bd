"""The newest sample of each living series, as it was stored: what federation hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.model.histograms import Histogram
from bongsu.model.samples import is_stale
from bongsu.promql.execute.samples import StoredSamples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bongsu.model.matchers import Matcher
    from bongsu.storage.contract import ProjectStore

_BLOCK_ROWS = 4096
"""Series decoded at once: five minutes of them are some megabytes."""


class NewestSample(NamedTuple):
    """One series with its newest sample, a float or a native histogram; the time in Unix milliseconds."""

    labels: dict[str, str]
    time_ms: int
    value: float | Histogram


def newest_samples(
    store: ProjectStore, selectors: Sequence[Sequence[Matcher]], now_ms: int, lookback_ms: int
) -> Iterator[NewestSample]:
    """
    Yield the newest sample of every matching series in ``(now_ms - lookback_ms, now_ms]``.

    A series whose newest sample is the stale marker has ended and is left out. One that matches several selectors may come more
    than once.
    """
    start_ms = now_ms - lookback_ms + 1
    for matchers in selectors:
        with store.select(matchers, start_ms, now_ms) as selection:
            samples = StoredSamples(selection, start_ms, now_ms, keep_stale=True, own_hints=True)
            for row in range(0, selection.labels.n_series, _BLOCK_ROWS):
                yield from _newest_of(samples, row, min(row + _BLOCK_ROWS, selection.labels.n_series))


def _newest_of(samples: StoredSamples, start_row: int, stop_row: int) -> Iterator[NewestSample]:
    block = samples.read(start_row, stop_row)
    last = block.offsets[1:] - 1
    living = block.offsets[1:] > block.offsets[:-1]
    living[living] = ~is_stale(block.values[last[living]])
    rows = np.flatnonzero(living)
    labels = samples.labels.take(rows + start_row).maps()
    newest = last[rows]
    values: list[float | Histogram] = list(block.values[newest].tolist())
    if block.histograms is not None:
        native = block.histograms[newest].objects()
        values = [
            value if histogram is None else histogram for value, histogram in zip(values, native, strict=True)
        ]
    for own, time_ms, value in zip(labels, block.times[newest].tolist(), values, strict=True):
        # A histogram's stale marker is in its sum.
        if not isinstance(value, Histogram) or not is_stale(np.array([value.sum]))[0]:
            yield NewestSample(own, time_ms, value)
