"""Range functions of how samples follow each other: increases with their extrapolation, last steps, resets, changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.kernels._jit import kernel
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


@kernel
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


@kernel
def _extrapolated(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    windows_of: tuple[NDArray[np.int64], int, NDArray[np.int64], NDArray[np.int64]],
    drops: NDArray[np.int64],
    scratch: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """rate, increase, delta: first what each window holds, then the arithmetic of all windows in one vectorised sweep."""
    ends, span, low, high = windows_of
    n_drops = _find_drops(values, drops) if op != DELTA else 0
    to_start, to_end, sampled, gaps, increases, firsts = (
        scratch[0], scratch[1], scratch[2], scratch[3], scratch[4], scratch[5],
    )  # fmt: skip
    next_drop = 0
    for step in range(len(ends)):
        first, last = low[step], high[step] - 1
        kinds[step] = last > first
        if last <= first:
            continue
        while next_drop < n_drops and drops[next_drop] <= first:
            next_drop += 1
        increase = values[last] - values[first]
        drop = next_drop
        while drop < n_drops and drops[drop] <= last:
            increase += values[drops[drop] - 1]
            drop += 1
        to_start[step] = times[first] - (ends[step] - span)
        to_end[step] = ends[step] - times[last]
        sampled[step] = times[last] - times[first]
        gaps[step] = last - first
        increases[step] = increase
        firsts[step] = values[first]
    seconds = span / 1000.0 if op == RATE else 1.0
    for step in range(len(ends)):
        # The same arithmetic as in `extrapolation`, without a branch.
        covered = sampled[step] / 1000.0
        spacing = covered / gaps[step]
        threshold = spacing * 1.1
        increase = increases[step]
        left, right = to_start[step] / 1000.0, to_end[step] / 1000.0
        left = spacing / 2.0 if left >= threshold else left
        right = spacing / 2.0 if right >= threshold else right
        zero = covered * (firsts[step] / increase)
        limited = (op != DELTA) & (increase > 0.0) & (firsts[step] >= 0.0) & (zero < left)
        left = zero if limited else left
        out[step] = increase * ((covered + left + right) / covered / seconds)


@kernel
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


@kernel
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
