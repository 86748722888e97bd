"""Range functions of the order of values: extremes, quantiles, deviations from the median."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels.window_ops import MAX, TS_OF_MAX, TS_OF_MIN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_RESORT_SHARE = 2
"""A sorted window is built afresh when fewer than one in this many of its samples are kept: a sort then beats insertion."""


_ROOM = 3
"""A sorted window moves inside this many times the longest one; where it comes to an end it is sorted afresh in the middle."""


@inner_kernel
def _extremes(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    queue: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """
    min, max and their times, by a queue of samples that may still become the extreme; NaN only where all are NaN.

    Among equal values the first one counts for the value and the last one for its time, as in Prometheus.
    Source: D. Lemire, "Streaming Maximum-Minimum Filter Using No More than Three Comparisons per Element" (2006), section 3.
    """
    largest = op in (MAX, TS_OF_MAX)
    of_time = op in (TS_OF_MIN, TS_OF_MAX)
    head = tail = taken = 0
    for step in range(len(low)):
        first, stop = low[step], high[step]
        while taken < stop:
            value = values[taken]
            if not math.isnan(value):
                while tail > head:
                    other = values[queue[tail - 1]]
                    beaten = other < value if largest else other > value
                    if not (beaten or (of_time and other == value)):
                        break
                    tail -= 1
                queue[tail] = taken
                tail += 1
            taken += 1
        while head < tail and queue[head] < first:
            head += 1
        kinds[step] = stop > first
        if stop > first:
            chosen = queue[head] if head < tail else stop - 1
            out[step] = times[chosen] / 1000.0 if of_time else values[chosen]


@kernel
def quantile_of_sorted(ordered: NDArray[np.float64], nans: int, phi: float) -> float:
    """Return the quantile of `nans` NaNs and `ordered` numbers, NaN being the smallest; linear between ranks."""
    count = nans + len(ordered)
    if count == 0 or math.isnan(phi):
        return math.nan
    if phi < 0.0:
        return -math.inf
    if phi > 1.0:
        return math.inf
    rank = phi * (count - 1.0)
    lower = math.floor(rank)
    upper = min(count - 1, lower + 1)
    if lower < nans:
        return math.nan
    weight = rank - math.floor(rank)
    return float(ordered[lower - nans] * (1.0 - weight) + ordered[upper - nans] * weight)


@inner_kernel
def _position(ordered: NDArray[np.float64], value: float) -> int:
    """The first place whose value is not below `value`."""
    left, right = 0, len(ordered)
    while left < right:
        middle = (left + right) // 2
        if ordered[middle] < value:
            left = middle + 1
        else:
            right = middle
    return left


@inner_kernel
def _insert(room: NDArray[np.float64], start: int, count: int, value: float) -> int:
    """Put a value into the sorted ``room[start:start + count]``, moving the shorter side; return the new start."""
    place = _position(room[start : start + count], value)
    if place < count - place:
        for i in range(start, start + place):
            room[i - 1] = room[i]
        start -= 1
    else:
        for i in range(start + count, start + place, -1):
            room[i] = room[i - 1]
    room[start + place] = value
    return start


@kernel
def _remove(room: NDArray[np.float64], start: int, count: int, value: float) -> int:
    """Take a value out of the sorted ``room[start:start + count]``, moving the shorter side; return the new start."""
    place = _position(room[start : start + count], value)
    if place < count - place:
        for i in range(start + place, start, -1):
            room[i] = room[i - 1]
        return start + 1
    for i in range(start + place, start + count - 1):
        room[i] = room[i + 1]
    return start


@owning_kernel
def _sorted_copy(values: NDArray[np.float64], ordered: NDArray[np.float64]) -> int:
    """Write the numbers of `values` into `ordered`, sorted; return how many there are beside the NaNs."""
    count = 0
    for i in range(len(values)):
        if not math.isnan(values[i]):
            ordered[count] = values[i]
            count += 1
    ordered[:count].sort()
    return count


@inner_kernel
def _quantiles(
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    phi: NDArray[np.float64],
    room: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """quantile, by a sorted window that samples enter and leave; it lies in the middle of its room, to grow at both ends."""
    middle = len(room) // _ROOM
    start = middle
    count = nans = kept_first = kept_stop = 0
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop <= first:
            continue
        cramped = start <= stop - kept_stop or start + count + stop - kept_stop >= len(room)
        if cramped or (kept_stop - first) * _RESORT_SHARE < stop - first:
            start = middle
            count = _sorted_copy(values[first:stop], room[start:])
            nans = stop - first - count
        else:
            for i in range(kept_first, first):
                if math.isnan(values[i]):
                    nans -= 1
                else:
                    start = _remove(room, start, count, values[i])
                    count -= 1
            for i in range(kept_stop, stop):
                if math.isnan(values[i]):
                    nans += 1
                else:
                    start = _insert(room, start, count, values[i])
                    count += 1
        kept_first, kept_stop = first, stop
        out[step] = quantile_of_sorted(room[start : start + count], nans, phi[step])


@inner_kernel
def _deviations(
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    ordered: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """mad: the median of the distances from the median; NaN as soon as there is one."""
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop <= first:
            continue
        count = _sorted_copy(values[first:stop], ordered)
        if count < stop - first:
            out[step] = math.nan
            continue
        median = quantile_of_sorted(ordered[:count], 0, 0.5)
        for i in range(count):
            ordered[i] = abs(ordered[i] - median)
        # Between infinities the distance is NaN.
        kept = _sorted_copy(ordered[:count], ordered)
        out[step] = quantile_of_sorted(ordered[:kept], count - kept, 0.5)
