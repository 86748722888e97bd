"""What a store's series are made of: per label name, per metric, and how many come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import METRIC_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.storage.contract import ProjectStore, Selection

_BLOCK_ROWS = 1 << 14
_DAY_MS = 86_400_000
_ENDED_MS = 3_600_000
"""A series without a sample in the newest hour of the store has ended."""


@dataclass(frozen=True, slots=True)
class LabelUse:
    """One label name: the series that have it, its distinct values, and their bytes together."""

    name: str
    series: int
    values: int
    value_bytes: int


@dataclass(frozen=True, slots=True)
class MetricUse:
    """One metric: its series and at most how many samples they have."""

    name: str
    series: int
    samples: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """
    The series of a store.

    Attributes
    ----------
    labels, metrics
        Those with the most values, and with the most samples, first.
    begun_last_day, ended
        Series whose first sample is within the newest 24 hours of the store; series that have none in its newest hour.
    """

    series: int
    samples: int
    min_time: int | None
    max_time: int | None
    labels: tuple[LabelUse, ...]
    metrics: tuple[MetricUse, ...]
    begun_last_day: int
    ended: int


def take_inventory(
    store: ProjectStore, *, start_ms: int, end_ms: int, told: Callable[[int, int], None] = lambda *_: None
) -> Inventory:
    """
    Return what the series of a range are made of; nothing is decoded.

    Parameters
    ----------
    told
        Called now and then with the series that were looked at and their total.
    """
    with store.select((), start_ms, end_ms) as selection:
        first, last = _extents(selection, told)
        counts = selection.sample_counts
        newest = int(last.max()) if len(last) else None
        return Inventory(
            series=len(selection.labels),
            samples=int(counts.sum()),
            min_time=int(first.min()) if len(first) else None,
            max_time=newest,
            labels=_labels(selection),
            metrics=_metrics(selection, counts),
            begun_last_day=0 if newest is None else int((first > newest - _DAY_MS).sum()),
            ended=0 if newest is None else int((last < newest - _ENDED_MS).sum()),
        )


def _extents(
    selection: Selection, told: Callable[[int, int], None]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last time of every series."""
    n_series = len(selection.labels)
    first, last = np.zeros((2, n_series), dtype=np.int64)
    for row in range(0, n_series, _BLOCK_ROWS):
        stop = min(row + _BLOCK_ROWS, n_series)
        view = selection.chunks(row, stop)
        begin, end = view.first_chunk[:-1], view.first_chunk[1:] - 1
        filled = end >= begin
        first[row:stop][filled] = view.min_time[begin[filled]]
        last[row:stop][filled] = view.max_time[end[filled]]
        told(stop, n_series)
    return first, last


def _labels(selection: Selection) -> tuple[LabelUse, ...]:
    found = []
    for name in selection.labels:
        column = selection.labels.get(name)
        if column is not None:
            used = column.compacted()
            size = sum(len(value.encode()) for value in used.values)
            found.append(LabelUse(name, int((used.codes >= 0).sum()), len(used.values), size))
    return tuple(sorted(found, key=lambda use: (-use.values, use.name)))


def _metrics(selection: Selection, counts: NDArray[np.int64]) -> tuple[MetricUse, ...]:
    column = selection.labels.get(METRIC_NAME)
    if column is None:
        return ()
    named = column.codes >= 0
    series = np.bincount(column.codes[named], minlength=len(column.values))
    samples = np.bincount(column.codes[named], weights=counts[named], minlength=len(column.values))
    found = [
        MetricUse(str(column.values[code]), int(series[code]), int(samples[code]))
        for code in np.flatnonzero(series).tolist()
    ]
    return tuple(sorted(found, key=lambda use: (-use.samples, use.name)))
