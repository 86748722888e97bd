"""Samples in arrays: what a store takes in, and the bit patterns that have a meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram

STALE_BITS = 0x7FF0_0000_0000_0002
"""The stale marker: a NaN by its bit pattern alone; compare bits, never values."""

STALE_NAN: float = float(np.array([STALE_BITS], dtype=np.uint64).view(np.float64)[0])
"""The stale marker as a float; it survives storing and copying, not arithmetic."""

KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM = 0, 1, 2
"""What a cell of a matrix or a chunk holds. Absence is not NaN: NaN is a value."""


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell for each value whether it is the stale marker."""
    return np.equal(values.view(np.uint64), np.uint64(STALE_BITS))


def _no_rows() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class HistogramRows:
    """Native histogram samples of a batch: row *i* is ``values[i]`` of series ``refs[i]`` at ``timestamps[i]``."""

    refs: NDArray[np.int64] = field(default_factory=_no_rows)
    timestamps: NDArray[np.int64] = field(default_factory=_no_rows)
    values: tuple[Histogram, ...] = ()
    starts: NDArray[np.int64] | None = None


_NO_HISTOGRAMS = HistogramRows()


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """
    Samples of known series, to be written together.

    Attributes
    ----------
    refs : ndarray of int64, shape (n_samples,)
        Series references that the same store handed out by `resolve`.
    timestamps : ndarray of int64, shape (n_samples,)
        Unix milliseconds, in any order.
    values : ndarray of float64, shape (n_samples,)
        Every bit pattern is kept, NaN payloads too.
    starts : ndarray of int64, shape (n_samples,), optional
        Start timestamps in Unix milliseconds, 0 where unknown.
    histograms
        Native histogram samples beside the floats.
    overwrite
        A sample at a timestamp that already has another value replaces it, instead of being refused.
    """

    refs: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    starts: NDArray[np.int64] | None = None
    histograms: HistogramRows = _NO_HISTOGRAMS
    overwrite: bool = False

    def __len__(self) -> int:
        return len(self.refs) + len(self.histograms.refs)


@dataclass(frozen=True, slots=True)
class MetricMetadata:
    """What is known of a metric family: its type (lower case, as OpenMetrics names it), help and unit."""

    name: str
    type: str
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One example behind a sample: its labels, value and time in Unix milliseconds."""

    labels: tuple[tuple[str, str], ...]
    value: float
    timestamp: int
