"""What the lines of an import say, in columns, whatever their format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.samples import MetricMetadata
    from bongsu.wire.exposition.body import ParsedExemplar

Labels = tuple[tuple[str, str], ...]


class BadLine(InvalidInput):
    """A line is not in its format; the message says what is wrong with it, without its number."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="bad-import-line")


class LineFault(NamedTuple):
    """One line that is not stored, and why."""

    line: int
    id: str
    message: str


class HistogramLine(NamedTuple):
    """A native histogram: the series that it belongs to, and where it stood."""

    series: int
    line: int
    timestamp: int
    value: Histogram
    start: int


class ExemplarLine(NamedTuple):
    """An exemplar: the series that it belongs to, where it stood, and the time of its sample."""

    series: int
    line: int
    timestamp: int
    exemplar: ParsedExemplar


@dataclass(frozen=True, slots=True)
class LineBatch:
    """
    The samples of some lines.

    Attributes
    ----------
    labels
        Distinct label sets, as they were written.
    series, lines : ndarray of int64, shape (n_samples,)
        The label set of each sample, and the number of its line.
    timestamps : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
    starts : ndarray of int64, shape (n_samples,), optional
        Start timestamps, 0 where unknown.
    faults
        Lines that could not be read.
    """

    labels: Sequence[Labels]
    series: NDArray[np.int64]
    lines: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    starts: NDArray[np.int64] | None = None
    histograms: Sequence[HistogramLine] = ()
    exemplars: Sequence[ExemplarLine] = ()
    metadata: Sequence[MetricMetadata] = ()
    faults: Sequence[LineFault] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.series) + len(self.histograms)


def with_labels(batch: LineBatch, added: Mapping[str, str]) -> LineBatch:
    """Return the batch with labels added to every series; they win over those of the lines."""
    if not added:
        return batch
    labels = [tuple({**dict(pairs), **added}.items()) for pairs in batch.labels]
    return LineBatch(
        labels,
        batch.series,
        batch.lines,
        batch.timestamps,
        batch.values,
        batch.starts,
        batch.histograms,
        batch.exemplars,
        batch.metadata,
        batch.faults,
    )


def ints(values: Sequence[int]) -> NDArray[np.int64]:
    """Return a column of integers."""
    return np.array(values, dtype=np.int64)
