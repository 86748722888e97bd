"""
Range functions and selectors with filled edges: `anchored` takes the sample before the range, `smoothed` interpolates.

Windows are ``(end - span, end]``; samples up to one lookback before, and for `smoothed` after, are looked at for the edges.
Source: Prometheus documentation, "Feature flags", extended range selectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.window_ops import CHANGES, DELTA, RATE, RESETS, WindowOp

if TYPE_CHECKING:
    from numpy.typing import NDArray


@inner_kernel
def _interpolate(
    times: NDArray[np.int64], values: NDArray[np.float64], right: int, at: int, counter: bool, left_edge: bool
) -> float:
    """Return the value at `at` between sample ``right - 1`` and `right`; a counter that fell started again from zero."""
    before, after = values[right - 1], values[right]
    if counter and after < before:
        if left_edge:
            before = 0.0
        else:
            after += before
    share = (at - times[right - 1]) / (times[right] - times[right - 1])
    return float(before + (after - before) * share)


@kernel
def _count(op: int, values: NDArray[np.float64], first: int, last: int) -> float:
    count = 0.0
    for i in range(first + 1, last + 1):
        if op == RESETS:
            count += values[i] < values[i - 1]
        else:
            both_nan = np.isnan(values[i]) and np.isnan(values[i - 1])
            count += values[i] != values[i - 1] and not both_nan
    return count


@inner_kernel
def _difference(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    edges: tuple[int, int],
    bounds: tuple[int, int],
    smoothed: bool,
) -> float:
    """Return the increase between the edges of a window, from the sample `first` to the sample `last`."""
    start, end = bounds
    first, last = edges
    counter = op != DELTA
    left, right = values[first], values[last]
    if smoothed and times[first] < start and first + 1 < len(times):
        left = _interpolate(times, values, first + 1, start, counter, True)
    if smoothed and last > 0 and times[last] > end:
        right = _interpolate(times, values, last, end, counter, False)
    result = right - left
    if not counter:
        return float(result)
    if times[first] <= start:
        first += 1
    if times[last] >= end:
        last -= 1
    before = left
    for i in range(first, last + 1):
        if values[i] < before:
            result += before
        before = values[i]
    if right < before:
        result += before
    return float(result)


@kernel
def _extended(
    op: int,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    span: int,
    lookback: int,
    smoothed: bool,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    all_times, all_values, offsets = samples
    for row in range(len(offsets) - 1):
        for step in range(len(ends)):
            kinds[row, step] = 0
            start, end = ends[step] - span, ends[step]
            times = all_times[offsets[row] : offsets[row + 1]]
            low = np.searchsorted(times, start - lookback, side="right")
            high = np.searchsorted(times, end + (lookback if smoothed else 0), side="right")
            if low >= high:
                continue
            times = times[low:high]
            values = all_values[offsets[row] + low : offsets[row] + high]
            last = len(times) - 1
            first = max(0, np.searchsorted(times[:last], start, side="right") - 1)
            if smoothed:
                last = np.searchsorted(times[:last], end, side="left")
            if times[last] <= start:
                continue
            kinds[row, step] = 1
            if op in (RESETS, CHANGES):
                out[row, step] = _count(op, values, first, last)
                continue
            out[row, step] = _difference(op, times, values, (first, last), (start, end), smoothed)
            if op == RATE:
                out[row, step] /= span / 1000.0


def extended_windows(
    op: WindowOp,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    span: int,
    lookback: int,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    *,
    smoothed: bool,
) -> None:
    """
    Compute rate, increase, delta, resets or changes with filled edges; arrays as in `bongsu.kernels.windows.windows`.

    Parameters
    ----------
    lookback
        How far before (and, smoothed, after) a window its edges may be taken from, in milliseconds.
    smoothed
        Interpolate at the edges, instead of taking the sample before the window and the last one in it.
    """
    _extended(int(op), samples, ends, span, lookback, smoothed, out, kinds)


@kernel
def _smoothed_at(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    ends: NDArray[np.int64],
    lookback: int,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    for row in range(len(offsets) - 1):
        own, own_values = times[offsets[row] : offsets[row + 1]], values[offsets[row] : offsets[row + 1]]
        after = 0
        for step in range(len(ends)):
            end = ends[step]
            while after < len(own) and own[after] <= end:
                after += 1
            kinds[row, step] = after > 0 and own[after - 1] > end - lookback
            if kinds[row, step] == 0:
                continue
            out[row, step] = own_values[after - 1]
            if own[after - 1] < end and after < len(own) and own[after] <= end + lookback:
                out[row, step] = _interpolate(own, own_values, after, end, False, False)


def smoothed_at(
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    lookback: int,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """
    Compute the value of each series at each step, between the sample before and the one after; without one after, the one before.

    Arrays are as in `bongsu.kernels.windows.windows`; stale markers are already removed.
    """
    _smoothed_at(*samples, ends, lookback, out, kinds)


def warm() -> None:
    """Compile for the types that are called with."""
    samples = np.zeros(1, dtype=np.int64), np.zeros(1), np.array([0, 1], dtype=np.int64)
    ends = np.zeros(1, dtype=np.int64)
    out, kinds = np.zeros((1, 1)), np.zeros((1, 1), dtype=np.uint8)
    extended_windows(WindowOp.RATE, samples, ends, 1, 1, out, kinds, smoothed=True)
    smoothed_at(samples, ends, 1, out, kinds)
