"""
Counter functions that know when each counter started: a start inside the window is a zero, a new start is a reset.

Sample *i* is a reset when it is below the one before, or when its start is at or after that sample's time. A start that differs
from the one before and lies earlier than that contradicts it; such an overlap is reported and counts for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._window_changes import extrapolation
from bongsu.kernels.window_ops import IRATE, RATE, RESETS, WindowOp

if TYPE_CHECKING:
    from numpy.typing import NDArray


@inner_kernel
def _marks(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    resets: NDArray[np.bool_],
) -> bool:
    """Write which samples are resets; return whether any starts overlap."""
    overlap = False
    resets[0] = False
    for i in range(1, len(times)):
        resets[i] = values[i] < values[i - 1]
        if starts[i] == 0 or starts[i] == starts[i - 1]:
            continue
        if starts[i] >= times[i - 1]:
            resets[i] = True
        elif starts[i - 1] != 0:
            overlap = True
    return overlap


@inner_kernel
def _started(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    resets: NDArray[np.bool_],
    bounds: tuple[int, int],
    out: NDArray[np.float64],
) -> bool:
    """Write the result of one window into ``out[0]``; return whether there is one."""
    start, end = bounds
    n = len(times)
    if op == RESETS:
        out[0] = 0.0
        for i in range(1, n):
            out[0] += resets[i]
        return n > 0
    if op == IRATE:
        if n < 2 or times[n - 1] == times[n - 2]:
            return False
        change = values[n - 1] - (0.0 if resets[n - 1] else values[n - 2])
        out[0] = change / ((times[n - 1] - times[n - 2]) / 1000.0)
        return True
    if n == 0:
        return False
    known_zero = starts[0] != 0 and start < starts[0] < times[0]  # 0: unknown
    if n < 2 and not known_zero:
        return False
    increase = values[n - 1] - (0.0 if known_zero else values[0])
    for i in range(1, n):
        if resets[i]:
            increase += values[i - 1]
    first_value = 0.0 if known_zero else values[0]
    first_time = starts[0] if known_zero else times[0]
    zero_share = np.inf
    if increase > 0.0 and first_value >= 0.0:
        zero_share = first_value / increase
    gaps = n if known_zero else n - 1
    factor = extrapolation(first_time, times[n - 1], gaps, start, end, zero_share)
    if op == RATE:
        factor /= (end - start) / 1000.0
    out[0] = increase * factor
    return True


@kernel
def _started_windows(
    op: int,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    span: int,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    overlaps: NDArray[np.uint8],
) -> None:
    all_times, all_values, offsets = samples
    resets = np.empty(len(all_times), dtype=np.bool_)
    for row in range(len(offsets) - 1):
        first, stop = offsets[row], offsets[row + 1]
        overlaps[row] = 0
        kinds[row, :] = 0
        if first == stop:
            continue
        times, values, own = all_times[first:stop], all_values[first:stop], starts[first:stop]
        overlaps[row] = _marks(times, values, own, resets[first:stop])
        low = high = 0
        for step in range(len(ends)):
            end = ends[step]
            while high < len(times) and times[high] <= end:
                high += 1
            while low < high and times[low] <= end - span:
                low += 1
            kinds[row, step] = _started(
                op,
                times[low:high],
                values[low:high],
                own[low:high],
                resets[first + low : first + high],
                (end - span, end),
                out[row, step : step + 1],
            )


def started_windows(
    op: WindowOp,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    span: int,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    overlaps: NDArray[np.uint8],
) -> None:
    """
    Compute rate, increase, irate or resets with the start timestamps of the samples.

    Parameters
    ----------
    samples, ends, span, out, kinds
        As for `bongsu.kernels.windows.windows`.
    starts : ndarray of int64, shape (n_samples,)
        Start timestamp of each sample in Unix milliseconds, 0 where unknown.
    overlaps : ndarray of uint8, shape (n_series,)
        Filled: 1 where start timestamps of a series contradict each other.
    """
    _started_windows(int(op), samples, starts, ends, span, out, kinds, overlaps)


def warm() -> None:
    """Compile for the types that are called with."""
    samples = np.zeros(1, dtype=np.int64), np.zeros(1), np.array([0, 1], dtype=np.int64)
    ends = np.zeros(1, dtype=np.int64)
    out, kinds = np.zeros((1, 1)), np.zeros((1, 1), dtype=np.uint8)
    starts = np.zeros(1, dtype=np.int64)
    started_windows(WindowOp.RATE, samples, starts, ends, 1, out, kinds, np.zeros(1, dtype=np.uint8))
