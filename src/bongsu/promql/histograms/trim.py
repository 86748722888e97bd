"""
Cutting off the observations above or below a bound.

Of the bucket that contains the bound the share on the kept side stays, by the same interpolation as for quantiles. The count is
then that of the kept buckets, and the sum is estimated anew from the middle of what was kept of each. Nothing changes where no
observation is cut off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from bongsu.promql.histograms.statistics import share_below
from bongsu.promql.histograms.totals import exact_sum

if TYPE_CHECKING:
    from bongsu.promql.histograms.sparse import Buckets, Sparse


class _Kept(NamedTuple):
    """What is kept of a bucket: how many observations, and where their middle is taken to be."""

    observations: float
    middle: float


class _Cut(NamedTuple):
    """Where to cut, and which side to keep."""

    bound: float
    keep_below: bool
    is_custom: bool

    def of(self, lower: float, upper: float, count: float, *, linear: bool) -> _Kept:
        """Return what is kept of one bucket."""
        whole = upper <= self.bound if self.keep_below else lower >= self.bound
        gone = lower >= self.bound if self.keep_below else upper <= self.bound
        if whole or gone:
            return _Kept(0.0 if gone else count, _middle(lower, upper, linear=linear))
        share = self._share(lower, upper, linear=linear)
        start, end = (lower, self.bound) if self.keep_below else (self.bound, upper)
        if self.is_custom and math.isinf(start) and end > 0:
            start = 0.0
        return _Kept(count * share, _middle(start, end, linear=linear))

    def _share(self, lower: float, upper: float, *, linear: bool) -> float:
        """Return the share that is kept of a bucket that contains the bound."""
        if math.isinf(upper):
            # How the observations are spread is not known: none is surely below, all may be above.
            return 0.0 if self.keep_below else 1.0
        if math.isinf(lower):
            if upper <= 0:
                return 1.0 if self.keep_below else 0.0
            if self.bound < 0:
                return 0.0
            lower = 0.0  # as for quantiles: the lowest custom bucket begins at zero if it ends above
        below = share_below(self.bound, lower, upper, linear=linear)
        return below if self.keep_below else 1.0 - below


def trim(histogram: Sparse, bound: float, *, keep_below: bool) -> Sparse:
    """Drop the observations above `bound`, or those below it, in place; a bound of NaN drops none."""
    if math.isnan(bound):
        return histogram
    cut = _Cut(bound, keep_below, histogram.is_custom)
    positive = {
        i: cut.of(*histogram.bounds(i), n, linear=cut.is_custom) for i, n in histogram.positive.items()
    }
    negative = {i: _mirrored(cut, histogram, i, n) for i, n in histogram.negative.items()}
    zero = cut.of(*_zero_bounds(histogram), histogram.zero_count, linear=True)
    kept = [*positive.values(), *negative.values(), zero]
    before = [*histogram.positive.values(), *histogram.negative.values(), histogram.zero_count]
    if [each.observations for each in kept] == before:
        return histogram
    histogram.positive, histogram.negative = _counts(positive), _counts(negative)
    histogram.zero_count = zero.observations
    histogram.count = exact_sum(each.observations for each in kept)
    histogram.sum = exact_sum(each.observations * each.middle for each in kept if each.observations)
    return histogram


def _mirrored(cut: _Cut, histogram: Sparse, index: int, count: float) -> _Kept:
    near, far = histogram.bounds(index)
    return cut.of(-far, -near, count, linear=False)


def _counts(kept: dict[int, _Kept]) -> Buckets:
    return {index: each.observations for index, each in kept.items() if each.observations}


def _zero_bounds(histogram: Sparse) -> tuple[float, float]:
    """Return the bounds of the zero bucket: one side only where all other observations are on that side."""
    lower, upper = -histogram.zero_threshold, histogram.zero_threshold
    if histogram.positive and not histogram.negative:
        return 0.0, upper
    return (lower, 0.0) if histogram.negative and not histogram.positive else (lower, upper)


def _middle(lower: float, upper: float, *, linear: bool) -> float:
    """Return the middle of an interval: geometric in exponential buckets; of an endless one, the end that it has."""
    if math.isinf(lower):
        if math.isinf(upper):
            return 0.0
        return upper / 2 if upper > 0 else upper
    if math.isinf(upper):
        return lower
    if linear:
        return (lower + upper) / 2
    return math.copysign(math.sqrt(abs(lower)) * math.sqrt(abs(upper)), lower + upper)
