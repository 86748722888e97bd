"""
Quantiles, fractions and variances of native histograms of one layout, a dense row each.

Source: Prometheus documentation, "Query functions", ``histogram_quantile()`` and those after it. The plain form, for one histogram,
is in `bongsu.promql.histograms.statistics`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._sums import add, settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bounds = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.int64]"]
"""Lower and upper bound of each bucket, from the lowest to the highest, the zero bucket among them; and its column."""

_COUNT, _SUM, _ZERO = 0, 1, 2  # columns of a dense row
NAN_RESULT, NAN_SKEWED = 1, 2
"""What observations of NaN did to a quantile."""


@inner_kernel
def _sides(row: NDArray[np.float64], n_negative: int, given: int) -> tuple[bool, bool]:
    """Tell whether there are negative and positive buckets."""
    negative, positive = given & 1 != 0, given & 2 != 0
    for k in range(3, 3 + n_negative):
        negative |= row[k] != 0.0
    for k in range(3 + n_negative, len(row)):
        positive |= row[k] != 0.0
    return negative, positive


@inner_kernel
def _in_bucket(row: NDArray[np.float64], column: int) -> float:
    """Return the observations of a bucket; a zero bucket below zero, which subtraction leaves, is passed over."""
    return 0.0 if column == _ZERO and row[_ZERO] < 0.0 else row[column]


@inner_kernel
def _has_nan(row: NDArray[np.float64], bounds: Bounds) -> bool:
    """Tell whether observations of NaN are counted: they are in the count and the sum and in no bucket."""
    if not math.isnan(row[_SUM]):
        return False
    total = 0.0
    for b in range(len(bounds[2])):
        total += _in_bucket(row, bounds[2][b])
    return bool(total < row[_COUNT])


@inner_kernel
def _value_in(lower: float, upper: float, share: float, custom: bool) -> float:
    if custom or lower <= 0.0 <= upper:
        return lower + (upper - lower) * share
    low, high = math.log2(abs(lower)), math.log2(abs(upper))
    if lower > 0.0:
        return float(2.0 ** (low + (high - low) * share))
    return -float(2.0 ** (high + (low - high) * (1.0 - share)))


@inner_kernel
def _quantile(
    row: NDArray[np.float64], bounds: Bounds, n_negative: int, given: int, custom: bool, phi: float
) -> tuple[float, int]:
    if math.isnan(phi):
        return math.nan, 0
    if phi < 0.0 or phi > 1.0:
        return (-math.inf if phi < 0.0 else math.inf), 0
    total = row[_COUNT]
    if total == 0.0:
        return math.nan, 0
    lowers, uppers, columns = bounds
    has_nan = _has_nan(row, bounds)
    forward = math.isnan(row[_SUM]) or phi < 0.5
    rank = (phi if forward else 1.0 - phi) * total
    count = own = lower = upper = 0.0
    for i in range(len(columns)):
        b = i if forward else len(columns) - 1 - i
        held = _in_bucket(row, columns[b])
        if held == 0.0:
            continue
        own, lower, upper = held, lowers[b], uppers[b]
        count += held
        if count >= rank:
            break
    if custom and math.isinf(lower):
        if upper <= 0.0:
            return upper, 0
        lower = 0.0
    elif custom and math.isinf(upper):
        return lower, NAN_SKEWED if has_nan else 0
    if not custom and lower < 0.0 < upper:
        negative, positive = _sides(row, n_negative, given)
        if positive and not negative:
            lower = 0.0
        elif negative and not positive:
            upper = 0.0
    count = min(count, total)
    if count < rank:
        return (math.nan, NAN_RESULT) if has_nan else (upper, 0)
    within = rank - (count - own) if forward else count - rank
    share = within / own if own != 0.0 else math.nan
    return _value_in(lower, upper, share, custom), NAN_SKEWED if has_nan else 0


@kernel
def _quantiles(
    rows: NDArray[np.float64],
    bounds: Bounds,
    n_negative: int,
    given: NDArray[np.uint8],
    custom: bool,
    phi: NDArray[np.float64],
    out: NDArray[np.float64],
    nans: NDArray[np.uint8],
) -> None:
    for i in range(len(rows)):
        out[i], nans[i] = _quantile(rows[i], bounds, n_negative, given[i], custom, phi[i])


def quantile_rows(
    rows: NDArray[np.float64],
    bounds: Bounds,
    n_negative: int,
    given: NDArray[np.uint8],
    phi: NDArray[np.float64],
    *,
    custom: bool,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """
    Return a quantile of each row, and what observations of NaN did to it.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, width)
        Count, sum, zero bucket, `n_negative` negative buckets, positive buckets.
    given : ndarray of uint8, shape (n_rows,)
        Bits: 1, there are negative buckets also if they hold nothing; 2, there are positive ones.
    phi : ndarray of float64, shape (n_rows,)
    custom
        The bounds are given one by one: linear interpolation everywhere.
    """
    out, nans = np.empty(len(rows)), np.empty(len(rows), dtype=np.uint8)
    _quantiles(rows, bounds, n_negative, given, custom, phi, out, nans)
    return out, nans


@inner_kernel
def _rank_of(
    value: float, row: NDArray[np.float64], bounds: Bounds, n_negative: int, given: int, custom: bool
) -> float:
    """Return how many observations lie below a bound."""
    lowers, uppers, columns = bounds
    rank = 0.0
    for b in range(len(columns)):
        held = _in_bucket(row, columns[b])
        if held == 0.0:
            continue
        start, end = lowers[b], uppers[b]
        around_zero = start <= 0.0 <= end
        if around_zero:
            negative, positive = _sides(row, n_negative, given)
            if positive and not negative:
                start = 0.0
            elif negative and not positive:
                end = 0.0
        if start >= value:
            return rank
        if end > value:
            if custom or around_zero:
                share = 1.0 if math.isinf(start) else (value - start) / (end - start)
            else:
                low, high, at = math.log2(abs(start)), math.log2(abs(end)), math.log2(abs(value))
                share = (at - low) / (high - low) if value > 0.0 else 1.0 - (at - high) / (low - high)
            return rank + held * share
        rank += held
    return math.inf


@kernel
def _fractions(
    rows: NDArray[np.float64],
    bounds: Bounds,
    n_negative: int,
    given: NDArray[np.uint8],
    custom: bool,
    limits: NDArray[np.float64],
    out: NDArray[np.float64],
    nans: NDArray[np.uint8],
) -> None:
    for i in range(len(rows)):
        row, lower, upper = rows[i], limits[0, i], limits[1, i]
        nans[i] = _has_nan(row, bounds)
        if row[_COUNT] == 0.0 or math.isnan(lower) or math.isnan(upper):
            out[i] = math.nan
            continue
        if lower >= upper:
            out[i] = 0.0
            continue
        total = row[_COUNT]
        if math.isnan(row[_SUM]):
            total = 0.0
            for b in range(len(bounds[2])):
                total += _in_bucket(row, bounds[2][b])
        below = min(_rank_of(lower, row, bounds, n_negative, given[i], custom), total)
        up_to = min(_rank_of(upper, row, bounds, n_negative, given[i], custom), total)
        out[i] = (up_to - below) / row[_COUNT]


def fraction_rows(
    rows: NDArray[np.float64],
    bounds: Bounds,
    n_negative: int,
    given: NDArray[np.uint8],
    limits: NDArray[np.float64],
    *,
    custom: bool,
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return the share of the observations between ``limits[0]`` and ``limits[1]`` of each row, and where some are NaN."""
    out, nans = np.empty(len(rows)), np.empty(len(rows), dtype=np.uint8)
    _fractions(rows, bounds, n_negative, given, custom, limits, out, nans)
    return out, nans


@kernel
def _variances(
    rows: NDArray[np.float64], bounds: Bounds, middles: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    columns = bounds[2]
    for i in range(len(rows)):
        row = rows[i]
        if row[_COUNT] == 0.0 and row[_SUM] == 0.0:
            out[i] = math.nan
            continue
        mean = row[_SUM] / row[_COUNT]
        total = carry = 0.0
        for b in range(len(columns)):
            held = _in_bucket(row, columns[b])
            if held != 0.0:
                distance = middles[b] - mean
                total, carry = add(total, carry, held * distance * distance)
        out[i] = settle(total, carry) / row[_COUNT]


def variance_rows(
    rows: NDArray[np.float64], bounds: Bounds, middles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the variance of each row, each observation taken to be at the middle of its bucket."""
    out = np.empty(len(rows))
    _variances(rows, bounds, middles, out)
    return out


def warm() -> None:
    """Compile for the types that are called with."""
    rows, numbers = np.zeros((1, 3)), np.zeros(1)
    bounds = numbers, numbers, np.full(1, _ZERO, dtype=np.int64)
    given = np.zeros(1, dtype=np.uint8)
    quantile_rows(rows, bounds, 0, given, numbers, custom=False)
    fraction_rows(rows, bounds, 0, given, np.zeros((2, 1)), custom=False)
    variance_rows(rows, bounds, numbers)
