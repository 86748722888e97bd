"""Range functions with filled edges, one window at a time, from their definitions alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

import itertools

from tests.naive.windows import Sample, simple


def anchored(name: str, samples: Sequence[Sample], end: int, span: int, lookback: int) -> float | None:
    """Return a function over the sample before the range and those in it."""
    start = end - span
    before = [s for s in samples if start - lookback < s[0] <= start]
    inside = [s for s in samples if start < s[0] <= end]
    if not inside:
        return None
    points = before[-1:] + inside
    if name in ("resets", "changes"):
        return simple(name, points)
    return difference(name, [v for _, v in points], span)


def smoothed(name: str, samples: Sequence[Sample], end: int, span: int, lookback: int) -> float | None:
    """Return a function over the range and the interpolated values at its edges."""
    start = end - span
    near = [s for s in samples if start - lookback < s[0] <= end + lookback]
    if not near or near[-1][0] <= start or (min(t for t, _ in near if t > start) > end and len(near) == 1):
        return None if not near or near[-1][0] <= start else 0.0
    counter = name != "delta"
    left = edge(near, start, counter=counter, left=True)
    right = edge(near, end, counter=counter, left=False)
    points = [left, *(v for t, v in near if start < t < end), right]
    return difference(name, points, span)


def edge(samples: Sequence[Sample], at: int, *, counter: bool, left: bool) -> float:
    """Return the value at an edge: between the samples around it, or of the nearest one."""
    before = [s for s in samples if s[0] <= at]
    after = [s for s in samples if s[0] >= at]
    if not before:
        return after[0][1]
    if not after:
        return before[-1][1]
    (t0, v0), (t1, v1) = before[-1], after[0]
    if t0 == t1:
        return v0
    if counter and v1 < v0:
        v0, v1 = (0.0, v1) if left else (v0, v0 + v1)
    return v0 + (v1 - v0) * (at - t0) / (t1 - t0)


def difference(name: str, values: Sequence[float], span: int) -> float:
    """Return the change from the first value to the last, over resets for counters."""
    result = values[-1] - values[0]
    if name != "delta":
        result += sum(before for before, after in itertools.pairwise(values) if after < before)
    return result / (span / 1000) if name == "rate" else result
