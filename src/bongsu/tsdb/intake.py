"""A batch on its way in: what may be stored as the log's columns, and a refusal for every row that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.storage.histograms import encode_histogram, histogram_fault
from bongsu.storage.refusals import HistogramFault, refuse_histogram, refuse_old
from bongsu.tsdb.records import EncodedHistograms, FloatRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bongsu.model.samples import HistogramRows, SampleBatch
    from bongsu.storage.contract import Rejection

_NO_INTS = np.empty(0, dtype=np.int64)
_NO_HISTOGRAMS = EncodedHistograms(_NO_INTS, _NO_INTS, [], _NO_INTS)


class Retention(NamedTuple):
    """The oldest time that may be written, None for any; and the setting that says so."""

    oldest_ms: int | None
    setting_ms: int


class Intake(NamedTuple):
    """
    Rows that may be stored, and the refusals of the others.

    Attributes
    ----------
    float_rows, histogram_rows
        Which rows of the batch they are.
    """

    floats: FloatRows
    histograms: EncodedHistograms
    float_rows: NDArray[np.int64] | range
    histogram_rows: list[int]
    refused: list[Rejection]


def take_in(
    batch: SampleBatch, retention: Retention, labels_of: Callable[[int], Mapping[str, str]]
) -> Intake:
    """
    Return what of a batch may be stored.

    Parameters
    ----------
    labels_of
        Names the series of a reference, for error texts.
    """
    refused: list[Rejection] = []
    floats, float_rows = _take_floats(batch, retention, refused)
    histograms, histogram_rows = _take_histograms(
        batch.histograms, len(batch.refs), retention, labels_of, refused
    )
    return Intake(floats, histograms, float_rows, histogram_rows, refused)


def _take_floats(
    batch: SampleBatch, retention: Retention, refused: list[Rejection]
) -> tuple[FloatRows, NDArray[np.int64] | range]:
    starts = _NO_INTS if batch.starts is None or not batch.starts.any() else batch.starts
    columns = FloatRows(
        np.ascontiguousarray(batch.refs, dtype=np.int64),
        np.ascontiguousarray(batch.timestamps, dtype=np.int64),
        np.ascontiguousarray(batch.values, dtype=np.float64).view(np.int64),
        np.ascontiguousarray(starts, dtype=np.int64),
    )
    oldest = retention.oldest_ms
    if oldest is None or not len(batch.refs) or int(columns.times.min()) >= oldest:
        return columns, range(len(batch.refs))
    rows = np.arange(len(batch.refs))
    kept = columns.times >= oldest
    refused += [
        refuse_old(row, int(columns.times[row]), oldest, retention.setting_ms) for row in rows[~kept].tolist()
    ]
    return FloatRows(*(c[kept] if len(c) else c for c in columns)), rows[kept]


def _take_histograms(
    batch: HistogramRows,
    first_row: int,
    retention: Retention,
    labels_of: Callable[[int], Mapping[str, str]],
    refused: list[Rejection],
) -> tuple[EncodedHistograms, list[int]]:
    if not len(batch.refs):
        return _NO_HISTOGRAMS, []
    rows: list[int] = []
    oldest = retention.oldest_ms
    for i, (ref, time, value) in enumerate(
        zip(batch.refs.tolist(), batch.timestamps.tolist(), batch.values, strict=True)
    ):
        fault = histogram_fault(value)
        if fault is not None:
            refused.append(refuse_histogram(first_row + i, labels_of(ref), HistogramFault(time, fault)))
        elif oldest is not None and time < oldest:
            refused.append(refuse_old(first_row + i, time, oldest, retention.setting_ms))
        else:
            rows.append(i)
    starts = _NO_INTS if batch.starts is None or not batch.starts.any() else batch.starts[rows]
    encoded = [encode_histogram(batch.values[i]) for i in rows]
    return (
        EncodedHistograms(batch.refs[rows], batch.timestamps[rows], encoded, starts),
        [first_row + i for i in rows],
    )
