"""Cutting off the observations above or below a bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.promql.histograms.statistics import share_below

if TYPE_CHECKING:
    from bongsu.promql.histograms.sparse import Buckets, Sparse


def trim(histogram: Sparse, bound: float, *, keep_below: bool) -> Sparse:
    """
    Drop the observations above `bound`, or those below it, in place.

    Of the bucket that contains the bound the share on the kept side stays, by the same interpolation as for quantiles. The
    count is that of the kept buckets, and the sum is estimated anew from the middles of the buckets.
    """
    if math.isnan(bound) or not _cuts(histogram, bound, keep_below):
        return histogram
    histogram.positive = _kept(histogram, histogram.positive, bound, keep_below, sign=1.0)
    histogram.negative = _kept(histogram, histogram.negative, bound, keep_below, sign=-1.0)
    if not histogram.is_custom and histogram.zero_count:
        histogram.zero_count *= _zero_share(histogram, bound, keep_below)
    buckets = list(histogram.all_buckets())
    histogram.count = math.fsum(bucket.count for bucket in buckets)
    histogram.sum = math.fsum(
        bucket.count * _middle(bucket.lower, bucket.upper, bound, histogram.is_custom, keep_below)
        for bucket in buckets
        if bucket.count
    )
    return histogram


def _cuts(histogram: Sparse, bound: float, keep_below: bool) -> bool:
    """Whether any populated bucket lies, in part at least, on the dropped side."""
    populated = (bucket for bucket in histogram.all_buckets() if bucket.count)
    if keep_below:
        return any(bucket.upper > bound for bucket in populated)
    return any(bucket.lower < bound for bucket in populated)


def _kept(histogram: Sparse, buckets: Buckets, bound: float, keep_below: bool, *, sign: float) -> Buckets:
    result: Buckets = {}
    for index, count in buckets.items():
        near, far = histogram.bounds(index)
        lower, upper = (near, far) if sign > 0 else (-far, -near)
        share = _share(lower, upper, bound, linear=histogram.is_custom, keep_below=keep_below)
        if share > 0:
            result[index] = count * share
    return result


def _share(lower: float, upper: float, bound: float, *, linear: bool, keep_below: bool) -> float:
    if bound >= upper:
        return 1.0 if keep_below else 0.0
    if bound <= lower:
        return 0.0 if keep_below else 1.0
    if linear and lower == -math.inf and upper > 0:
        lower = 0.0
        if bound <= 0:
            return 0.0 if keep_below else 1.0
    if math.isinf(lower) or math.isinf(upper):
        return 0.0 if keep_below is math.isinf(upper) else 1.0
    below = share_below(bound, lower, upper, linear=linear)
    return below if keep_below else 1 - below


def _zero_share(histogram: Sparse, bound: float, keep_below: bool) -> float:
    lower, upper = -histogram.zero_threshold, histogram.zero_threshold
    if histogram.positive and not histogram.negative:
        lower = 0.0
    elif histogram.negative and not histogram.positive:
        upper = 0.0
    if bound >= upper:
        return 1.0 if keep_below else 0.0
    if bound <= lower:
        return 0.0 if keep_below else 1.0
    below = (bound - lower) / (upper - lower)
    return below if keep_below else 1 - below


def _middle(lower: float, upper: float, bound: float, linear: bool, keep_below: bool) -> float:
    """The middle of what was kept of a bucket: geometric for exponential buckets, arithmetic otherwise."""
    if lower < bound < upper:
        lower, upper = (lower, bound) if keep_below else (bound, upper)
    if math.isinf(lower):
        lower = 0.0 if upper > 0 else upper
    if math.isinf(upper):
        upper = lower
    if linear or lower <= 0 <= upper:
        return (lower + upper) / 2
    return math.copysign(math.sqrt(abs(lower)) * math.sqrt(abs(upper)), lower)
