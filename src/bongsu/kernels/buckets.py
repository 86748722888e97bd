"""Classic histograms: quantiles and fractions of cumulative buckets, one series per upper bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import plain
from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL_DELTA = 1e-12
"""Relative difference of neighbouring buckets that is taken for rounding noise of summed floats, as in Prometheus."""


@inner_kernel
def _almost_equal(a: float, b: float) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    size, gap = abs(a) + abs(b), abs(a - b)
    smallest = 2.2250738585072014e-308
    if a == 0.0 or b == 0.0 or size < smallest:
        return gap < _SMALL_DELTA * smallest
    return gap / min(size, 1.7976931348623157e308) < _SMALL_DELTA


@kernel
def _gather(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    upper: NDArray[np.float64],
    rows: NDArray[np.int64],
    step: int,
    bounds: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> int:
    """Write the buckets that are present, those of equal bounds summed; return how many."""
    n = 0
    for row in rows:
        if kinds[row, step] != 1:
            continue
        if n > 0 and bounds[n - 1] == upper[row]:
            counts[n - 1] += values[row, step]
        else:
            bounds[n] = upper[row]
            counts[n] = values[row, step]
            n += 1
    return n


@inner_kernel
def _force_monotonic(
    counts: NDArray[np.float64], fix: NDArray[np.float64], bounds: NDArray[np.float64]
) -> None:
    """
    Make the counts non-decreasing; falls beyond rounding noise are noted in `fix`.

    `fix`: 1 if any fall was forced, lowest and highest bound concerned, largest fall.
    """
    before = counts[0]
    for i in range(1, len(counts)):
        current = counts[i]
        if current == before:
            continue
        if _almost_equal(before, current):
            counts[i] = before
            continue
        if current < before:
            counts[i] = before
            if fix[0] == 0.0:
                fix[1] = bounds[i]
            fix[0] = 1.0
            fix[2] = bounds[i]
            fix[3] = max(fix[3], before - current)
            continue
        before = current


@inner_kernel
def _quantile(phi: float, bounds: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    n = len(bounds)
    observations = counts[n - 1]
    if observations == 0.0:
        return math.nan
    rank = phi * observations
    # A binary search as in Prometheus: where counts are NaN it matters which are looked at.
    bucket, last = 0, n - 1
    while bucket < last:
        middle = (bucket + last) // 2
        if counts[middle] >= rank:
            last = middle
        else:
            bucket = middle + 1
    if bucket == n - 1:
        return float(bounds[n - 2])
    if bucket == 0 and bounds[0] <= 0.0:
        return float(bounds[0])
    start, count = 0.0, counts[bucket]
    if bucket > 0:
        start = bounds[bucket - 1]
        count -= counts[bucket - 1]
        rank -= counts[bucket - 1]
    return float(start + (bounds[bucket] - start) * (rank / count))


@inner_kernel
def _rank_inside(value: float, start: float, end: float, before: float, count: float) -> float:
    """Return the observations up to `value` inside a bucket; one without a lower bound counts whole."""
    if math.isinf(start):
        return count
    return before + (count - before) * (value - start) / (end - start)


@inner_kernel
def _fraction(lower: float, upper: float, bounds: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    n = len(bounds)
    observations = counts[n - 1]
    if observations == 0.0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    before = lower_rank = upper_rank = 0.0
    lower_set = upper_set = False
    start = 0.0 if bounds[0] > 0.0 else -math.inf
    for i in range(n):
        if not lower_set and start >= lower:
            lower_rank, lower_set = before, True
        if not upper_set and start >= upper:
            upper_rank, upper_set = before, True
        if not lower_set and start < lower < bounds[i]:
            lower_rank, lower_set = _rank_inside(lower, start, bounds[i], before, counts[i]), True
        if not upper_set and start < upper < bounds[i]:
            upper_rank, upper_set = _rank_inside(upper, start, bounds[i], before, counts[i]), True
        before, start = counts[i], bounds[i]
    if not lower_set or lower_rank > observations:
        lower_rank = observations
    if not upper_set or upper_rank > observations:
        upper_rank = observations
    return float((upper_rank - lower_rank) / observations)


@kernel
def _classic(
    fraction: bool,
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    upper: NDArray[np.float64],
    layout: tuple[NDArray[np.int64], NDArray[np.int64]],
    params: NDArray[np.float64],
    results: tuple[NDArray[np.float64], NDArray[np.uint8]],
    fixes: NDArray[np.float64],
) -> None:
    order, group_bounds = layout
    out, out_kinds = results
    bounds = np.empty(len(order), dtype=np.float64)
    counts = np.empty(len(order), dtype=np.float64)
    for group in range(len(group_bounds) - 1):
        rows = order[group_bounds[group] : group_bounds[group + 1]]
        for step in range(values.shape[1]):
            n = _gather(values, kinds, upper, rows, step, bounds, counts)
            out_kinds[group, step] = n > 0
            if n == 0:
                continue
            phi = params[0, step]
            if not fraction and (math.isnan(phi) or phi < 0.0 or phi > 1.0):
                out[group, step] = phi if math.isnan(phi) else math.copysign(math.inf, phi)
                continue
            if bounds[n - 1] != math.inf:
                out[group, step] = math.nan
                continue
            if not fraction and n < 2:
                out[group, step] = math.nan
                continue
            if fraction:
                out[group, step] = _fraction(phi, params[1, step], bounds[:n], counts[:n])
            else:
                _force_monotonic(counts[:n], fixes[group, step], bounds[:n])
                out[group, step] = _quantile(phi, bounds[:n], counts[:n])


def classic_buckets(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    upper: NDArray[np.float64],
    layout: tuple[NDArray[np.int64], NDArray[np.int64]],
    params: NDArray[np.float64],
    results: tuple[NDArray[np.float64], NDArray[np.uint8]],
    fixes: NDArray[np.float64],
    *,
    fraction: bool,
) -> None:
    """
    Compute a quantile, or the fraction between two bounds, of every histogram at every step.

    Parameters
    ----------
    values, kinds : ndarray, shape (n_rows, n_steps)
        Cumulative counts of one bucket per row; cells whose kind is 1 count.
    upper : ndarray of float64, shape (n_rows,)
        Upper bound of each row's bucket.
    layout
        Rows, those of a histogram side by side and their bounds not decreasing; and where each histogram begins.
    params : ndarray of float64, shape (2, n_steps)
        The quantile; or the lower and upper bound.
    results
        Values and kinds, shape (n_histograms, n_steps); filled.
    fixes : ndarray of float64, shape (n_histograms, n_steps, 4)
        Zeros at first; where counts fell: 1, lowest and highest bound that had to be raised, largest fall.
    """
    _classic(fraction, plain(values), plain(kinds), upper, layout, params, results, fixes)


def warm() -> None:
    """Compile for the types that are called with."""
    values, kinds = np.zeros((1, 1)), np.ones((1, 1), dtype=np.uint8)
    layout = np.zeros(1, dtype=np.int64), np.array([0, 1], dtype=np.int64)
    results = values.copy(), kinds.copy()
    fixes = np.zeros((1, 1, 4))
    classic_buckets(values, kinds, np.zeros(1), layout, np.zeros((2, 1)), results, fixes, fraction=False)
