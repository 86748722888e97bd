"""Quantiles and fractions of one classic histogram, from their definitions alone."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Bucket = tuple[float, float]
"""Upper bound and cumulative count."""


def quantile(phi: float, buckets: Sequence[Bucket]) -> float:
    """Return a quantile, linear inside a bucket."""
    if not 0 <= phi <= 1:
        return math.nan if math.isnan(phi) else math.copysign(math.inf, phi)
    merged = monotonic(buckets)
    if len(merged) < 2 or merged[-1][0] != math.inf or merged[-1][1] == 0:
        return math.nan
    rank = phi * merged[-1][1]
    place = next((i for i, (_, count) in enumerate(merged[:-1]) if count >= rank), len(merged) - 1)
    if place == len(merged) - 1:
        return merged[-2][0]
    upper, count = merged[place]
    if place == 0:
        if upper <= 0:
            return upper
        return upper * rank / count if count else math.nan
    lower, before = merged[place - 1]
    return lower + (upper - lower) * (rank - before) / (count - before)


def monotonic(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Return the buckets by bound, equal bounds summed, counts never falling."""
    ordered = sorted(buckets)
    summed = [
        (bound, math.fsum(count for _, count in rows))
        for bound, rows in itertools.groupby(ordered, lambda bucket: bucket[0])
    ]
    highest = itertools.accumulate((count for _, count in summed), max)
    return [(bound, count) for (bound, _), count in zip(summed, highest, strict=True)]


def fraction(lower: float, upper: float, buckets: Sequence[Bucket]) -> float:
    """Return the share of observations between two bounds, for counts that never fall."""
    ordered = sorted(buckets)
    everything = ordered[-1][1]
    if ordered[-1][0] != math.inf or everything == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    return (_below(upper, ordered) - _below(lower, ordered)) / everything


def _below(value: float, ordered: Sequence[Bucket]) -> float:
    start, before = (0.0 if ordered[0][0] > 0 else -math.inf), 0.0
    for bound, count in ordered:
        if value <= start:
            return before
        if value < bound:
            if start == -math.inf:
                return count
            return before + (count - before) * (value - start) / (bound - start)
        start, before = bound, count
    return before
