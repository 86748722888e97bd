"""Range functions of how samples follow each other: increases with their extrapolation, last steps, resets, changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.window_ops import DELTA, IDELTA, IRATE, RATE, RESETS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def extrapolation(
    first_time: int,
    last_time: int,
    gaps: int,
    start: int,
    end: int,
    zero_share: float,
) -> float:
    """
    Return the factor by which an increase between two samples grows when it is extended to the window's boundaries.

    A side is extended to the boundary if the gap is below 1.1 times the average spacing, otherwise by half a spacing; on the
    left never beyond the point where the counter was zero, at ``zero_share`` of the sampled interval (infinite: no such point).
    Source: Prometheus documentation, "Query functions", ``rate()`` and ``delta()``.
    """
    to_start = (first_time - start) / 1000.0
    to_end = (end - last_time) / 1000.0
    sampled = (last_time - first_time) / 1000.0
    spacing = sampled / gaps
    threshold = spacing * 1.1
    if to_start >= threshold:
        to_start = spacing / 2.0
    to_zero = sampled * zero_share
    if to_zero < to_start:
        to_start = to_zero
    if to_end >= threshold:
        to_end = spacing / 2.0
    return (sampled + to_start + to_end) / sampled


_SCAN = 64
"""Samples looked at in one vectorised sweep for counter resets, which are rare."""


@inner_kernel
def _find_drops(values: NDArray[np.float64], drops: NDArray[np.int64]) -> int:
    """Write the places of values below the one before; return how many."""
    count = 0
    for start in range(1, len(values), _SCAN):
        stop = min(start + _SCAN, len(values))
        fell = False
        for i in range(start, stop):
            fell |= values[i] < values[i - 1]
        if fell:
            for i in range(start, stop):
                if values[i] < values[i - 1]:
                    drops[count] = i
                    count += 1
    return count


@inner_kernel
def _reaches(
    op: int,
    times: NDArray[np.int64],
    ends: NDArray[np.int64],
    span: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    reaches: NDArray[np.float64],
) -> None:
    """
    Write what rate, increase and delta need of the times: shape (4, n_steps).

    The seconds between a window's first and last sample; how far they are extended to the left and to the right; and the factor by which an
    increase then grows, as in `extrapolation`.
    """
    covered, left, right, factor = reaches[0], reaches[1], reaches[2], reaches[3]
    seconds = span / 1000.0 if op == RATE else 1.0
    for step in range(len(ends)):
        first, last = low[step], high[step] - 1
        if last <= first:
            continue
        covered[step] = (times[last] - times[first]) / 1000.0
        spacing = covered[step] / (last - first)
        threshold = spacing * 1.1
        left[step] = (times[first] - (ends[step] - span)) / 1000.0
        right[step] = (ends[step] - times[last]) / 1000.0
        if left[step] >= threshold:
            left[step] = spacing / 2.0
        if right[step] >= threshold:
            right[step] = spacing / 2.0
        factor[step] = (covered[step] + left[step] + right[step]) / covered[step] / seconds


_ABOUT = 1.000001
"""Covers the rounding of both sides of a comparison that leaves out divisions."""


@inner_kernel
def _extrapolated(
    op: int,
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    seconds: float,
    drops: NDArray[np.int64],
    reaches: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """rate, increase, delta, given what the times alone say."""
    n_drops = _find_drops(values, drops) if op != DELTA else 0
    covered, left, right, factors = reaches[0], reaches[1], reaches[2], reaches[3]
    next_drop = 0
    for step in range(len(low)):
        first, last = low[step], high[step] - 1
        kinds[step] = last > first
        if last <= first:
            continue
        begin = values[first]
        increase = values[last] - begin
        if n_drops > 0:
            while next_drop < n_drops and drops[next_drop] <= first:
                next_drop += 1
            drop = next_drop
            while drop < n_drops and drops[drop] <= last:
                increase += values[drops[drop] - 1]
                drop += 1
        factor = factors[step]
        # The left side may reach no further than where the counter was zero, which is rarely as near: no division to see that.
        may_limit = begin * covered[step] <= left[step] * increase * _ABOUT
        if op != DELTA and increase > 0.0 and begin >= 0.0 and may_limit:
            zero = covered[step] * (begin / increase)
            if zero < left[step]:
                factor = (covered[step] + zero + right[step]) / covered[step] / seconds
        out[step] = increase * factor


@inner_kernel
def _last_two(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """irate, idelta."""
    for step in range(len(low)):
        last = high[step] - 1
        kinds[step] = 0
        if last - low[step] < 1:
            continue
        gap = times[last] - times[last - 1]
        if gap == 0:
            continue
        change = values[last]
        if op == IDELTA or not values[last] < values[last - 1]:
            change -= values[last - 1]
        out[step] = change / (gap / 1000.0) if op == IRATE else change
        kinds[step] = 1


@inner_kernel
def _transitions(
    op: int,
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    seen: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """resets, changes, as differences of running counts in the scratch `seen`."""
    count = 0
    for i in range(len(values)):
        if i > 0:
            value, before = values[i], values[i - 1]
            if op == RESETS:
                count += value < before
            else:
                count += value != before and not (math.isnan(value) and math.isnan(before))
        seen[i] = count
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop > first:
            out[step] = seen[stop - 1] - seen[first]
