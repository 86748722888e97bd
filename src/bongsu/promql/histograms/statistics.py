"""
Numbers that are read off a native histogram: quantiles, fractions, standard deviation.

Inside a bucket observations are taken to be spread evenly on a logarithmic scale; in the zero bucket, and between custom
bounds, on a linear one. Source: Prometheus documentation, "Query functions", ``histogram_quantile()`` and those after it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from bongsu.promql.histograms.sparse import Bucket, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bongsu.promql.histograms.sparse import Sparse


class Quantile(NamedTuple):
    """A quantile, and whether observations of NaN made it NaN or higher than it would be."""

    value: float
    is_nan: bool = False
    is_skewed: bool = False


def quantile(phi: float, histogram: Sparse) -> Quantile:
    """Return a quantile; observations of NaN, which are in no bucket, count as above all others."""
    if math.isnan(phi):
        return Quantile(math.nan)
    if phi < 0 or phi > 1:
        return Quantile(math.copysign(math.inf, phi))
    if histogram.count == 0:
        return Quantile(math.nan)
    has_nan = has_nan_observations(histogram)
    forward = math.isnan(histogram.sum) or phi < 0.5
    buckets = list(histogram.all_buckets())
    rank = (phi if forward else 1 - phi) * histogram.count
    bucket, count = _reach(buckets if forward else reversed(buckets), rank)
    lower, upper = _one_sided(bucket, histogram)
    if histogram.is_custom:
        if math.isinf(bucket.lower) and bucket.lower < 0:
            if bucket.upper <= 0:
                return Quantile(bucket.upper)
            lower = 0.0
        elif math.isinf(bucket.upper):
            return Quantile(bucket.lower, is_skewed=has_nan)
    # What rounding, or negative buckets, count beyond the total is not there.
    count = min(count, histogram.count)
    if count < rank:
        if has_nan:
            return Quantile(math.nan, is_nan=True)
        return Quantile(upper)
    within = rank - (count - bucket.count) if forward else count - rank
    share = within / bucket.count if bucket.count else math.nan
    return Quantile(_value_in(Bucket(lower, upper, bucket.count), share, histogram), is_skewed=has_nan)


def has_nan_observations(histogram: Sparse) -> bool:
    """Tell whether observations of NaN are counted: they are in the count and the sum and in no bucket."""
    if not math.isnan(histogram.sum):
        return False
    return sum(bucket.count for bucket in histogram.all_buckets()) < histogram.count


def _reach(buckets: Iterable[Bucket], rank: float) -> tuple[Bucket, float]:
    """Return the bucket in which the running count reaches `rank`, else the last one; and the count with it."""
    count, reached = 0.0, Bucket(0.0, 0.0, 0.0)
    for bucket in buckets:
        if bucket.count == 0:
            continue
        reached = bucket
        count += bucket.count
        if count >= rank:
            break
    return reached, count


def _one_sided(bucket: Bucket, histogram: Sparse) -> tuple[float, float]:
    """Return the bounds of a bucket; the zero bucket has one side only where all other observations are on that side."""
    if not histogram.is_custom and bucket.lower < 0 < bucket.upper:
        if histogram.positive and not histogram.negative:
            return 0.0, bucket.upper
        if histogram.negative and not histogram.positive:
            return bucket.lower, 0.0
    return bucket.lower, bucket.upper


def _value_in(bucket: Bucket, share: float, histogram: Sparse) -> float:
    lower, upper = bucket.lower, bucket.upper
    if histogram.is_custom or lower <= 0 <= upper:
        return lower + (upper - lower) * share
    low, high = math.log2(abs(lower)), math.log2(abs(upper))
    if lower > 0:
        return float(2.0 ** (low + (high - low) * share))
    return -float(2.0 ** (high + (low - high) * (1 - share)))


def fraction(lower: float, upper: float, histogram: Sparse) -> float:
    """Return the share of the observations that lie between two bounds."""
    if histogram.count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    total = sum(bucket.count for bucket in histogram.all_buckets())
    limit = total if math.isnan(histogram.sum) else histogram.count
    below = min(_rank_of(lower, histogram), limit)
    up_to = min(_rank_of(upper, histogram), limit)
    return (up_to - below) / histogram.count


def _rank_of(value: float, histogram: Sparse) -> float:
    """Return how many observations lie below a bound."""
    rank = 0.0
    for bucket in histogram.all_buckets():
        start, end = bucket.lower, bucket.upper
        around_zero = start <= 0 <= end
        if around_zero:
            if histogram.positive and not histogram.negative:
                start = 0.0
            elif histogram.negative and not histogram.positive:
                end = 0.0
        if start >= value:
            return rank
        if end > value:
            linear = histogram.is_custom or around_zero
            return rank + bucket.count * share_below(value, start, end, linear=linear)
        rank += bucket.count
    return math.inf


def share_below(value: float, start: float, end: float, *, linear: bool) -> float:
    """Return the share of a bucket's observations below `value`; a bucket without a lower bound counts whole."""
    if linear:
        return 1.0 if math.isinf(start) else (value - start) / (end - start)
    low, high, at = math.log2(abs(start)), math.log2(abs(end)), math.log2(abs(value))
    return (at - low) / (high - low) if value > 0 else 1 - (at - high) / (low - high)


def variance(histogram: Sparse) -> float:
    """Return the variance, each observation taken to be in the middle of its bucket."""
    mean = ratio(histogram.sum, histogram.count)
    squares = [
        bucket.count * (middle(bucket.lower, bucket.upper, custom=histogram.is_custom) - mean) ** 2
        for bucket in histogram.all_buckets()
        if bucket.count != 0
    ]
    # Exact summation takes no infinities of both signs.
    total = math.fsum(squares) if all(map(math.isfinite, squares)) else sum(squares)
    return ratio(total, histogram.count)


def middle(lower: float, upper: float, *, custom: bool) -> float:
    """Return where the observations of a bucket are taken to be: its geometric middle, or the other one of custom bounds."""
    if custom:
        return (lower + upper) / 2
    if lower <= 0 <= upper:
        return 0.0
    return math.copysign(math.sqrt(abs(lower)) * math.sqrt(abs(upper)), lower)
