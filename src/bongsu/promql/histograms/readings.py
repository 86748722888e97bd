"""Numbers that are read off many histograms at once: by kernels where they are dense rows, one by one where they are not."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.histogram_statistics import (
    NAN_RESULT,
    NAN_SKEWED,
    fraction_rows,
    quantile_rows,
    variance_rows,
)
from bongsu.promql.histograms.columns import BUCKETS, COUNT, SUM, ZERO, Dense
from bongsu.promql.histograms.sparse import ratio
from bongsu.promql.histograms.statistics import fraction, has_nan_observations, middle, quantile, variance

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.kernels.histogram_statistics import Bounds
    from bongsu.promql.histograms.columns import Layout, Objects
    from bongsu.promql.histograms.sparse import Sparse


class Readings(NamedTuple):
    """
    Numbers of some histograms.

    Attributes
    ----------
    nans : ndarray of uint8
        Not 0 where observations of NaN matter; for quantiles `NAN_RESULT` or `NAN_SKEWED`.
    """

    values: NDArray[np.float64]
    nans: NDArray[np.uint8]


def read_plain(name: str, part: Dense | Objects, rows: NDArray[np.int64]) -> Readings:
    """Return what a function without parameters, such as ``histogram_count``, reads off some rows of a part."""
    if isinstance(part, Dense):
        with np.errstate(all="ignore"):
            values = _PLAIN_ROWS[name](part, part.rows[rows])
        return Readings(values, np.zeros(len(rows), dtype=np.uint8))
    values = np.array([_PLAIN[name](part.sparse(row)) for row in rows.tolist()], dtype=np.float64)
    return Readings(values, np.zeros(len(rows), dtype=np.uint8))


def read_quantiles(phi: NDArray[np.float64], part: Dense | Objects, rows: NDArray[np.int64]) -> Readings:
    """Return a quantile of some rows of a part, one of `phi` for each."""
    if isinstance(part, Dense):
        layout = part.layout
        bounds, _ = layout_bounds(layout)
        return Readings(
            *quantile_rows(
                part.rows[rows], bounds, layout.negative[1], part.sides(rows), phi, custom=layout.is_custom
            )
        )
    found = [quantile(each, part.sparse(row)) for each, row in zip(phi.tolist(), rows.tolist(), strict=True)]
    nans = [NAN_RESULT if each.is_nan else NAN_SKEWED if each.is_skewed else 0 for each in found]
    return Readings(np.array([each.value for each in found]), np.array(nans, dtype=np.uint8))


def read_fractions(limits: NDArray[np.float64], part: Dense | Objects, rows: NDArray[np.int64]) -> Readings:
    """Return the share of observations between two limits of some rows of a part; `limits` has the shape (2, n_rows)."""
    if isinstance(part, Dense):
        layout, limits = part.layout, np.ascontiguousarray(limits)
        bounds, _ = layout_bounds(layout)
        return Readings(
            *fraction_rows(
                part.rows[rows], bounds, layout.negative[1], part.sides(rows), limits, custom=layout.is_custom
            )
        )
    sparse = [part.sparse(row) for row in rows.tolist()]
    lower, upper = limits.tolist()
    values = list(map(fraction, lower, upper, sparse))
    return Readings(np.array(values), np.array(list(map(has_nan_observations, sparse)), dtype=np.uint8))


@functools.lru_cache(256)
def layout_bounds(layout: Layout) -> tuple[Bounds, NDArray[np.float64]]:
    """Return bounds and columns of a layout's buckets from the lowest up, and the middle of each."""
    base = layout.base()
    buckets = [
        (-upper, -lower, BUCKETS + i)
        for i in range(layout.negative[1])
        for lower, upper in [base.outer_bounds(layout.negative[0] + i)]
    ][::-1]
    buckets.append((-layout.zero_threshold, layout.zero_threshold, ZERO))
    buckets += [
        (*base.outer_bounds(layout.positive[0] + i), BUCKETS + layout.negative[1] + i)
        for i in range(layout.positive[1])
    ]
    lower, upper, columns = (list(each) for each in zip(*buckets, strict=True))
    middles = np.array([middle(*each, custom=layout.is_custom) for each in zip(lower, upper, strict=True)])
    return (np.array(lower), np.array(upper), np.array(columns, dtype=np.int64)), middles


def _variances(part: Dense, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return variance_rows(rows, *layout_bounds(part.layout))


_PLAIN_ROWS: dict[str, Callable[[Dense, NDArray[np.float64]], NDArray[np.float64]]] = {
    "histogram_avg": lambda _, rows: rows[:, SUM] / rows[:, COUNT],
    "histogram_count": lambda _, rows: rows[:, COUNT],
    "histogram_stddev": lambda part, rows: np.sqrt(_variances(part, rows)),
    "histogram_stdvar": _variances,
    "histogram_sum": lambda _, rows: rows[:, SUM],
}


def _deviation(histogram: Sparse) -> float:
    """Return the standard deviation; what a difference of histograms has may have none."""
    squared = variance(histogram)
    return math.nan if squared < 0 else math.sqrt(squared)


_PLAIN: dict[str, Callable[[Sparse], float]] = {
    "histogram_avg": lambda histogram: ratio(histogram.sum, histogram.count),
    "histogram_count": lambda histogram: histogram.count,
    "histogram_stddev": _deviation,
    "histogram_stdvar": variance,
    "histogram_sum": lambda histogram: histogram.sum,
}

PLAIN = frozenset(_PLAIN)
"""Functions that read one number off each native histogram and take no parameter."""
