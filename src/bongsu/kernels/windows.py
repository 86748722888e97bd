"""
Range functions of float samples: every window of every series in one pass.

A window that ends at `end` covers ``(end - span, end]``. Its bounds move only forward with the steps, so each is found by
walking on from the one before; resets, changes, extremes and sorted windows are kept from window to window as well, so that
a sample is touched once or twice however much windows overlap. A compensated sum has no exact subtraction, so sums are joined
from two parts; variances, fits and deviations are built afresh for each window.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels._sums import add, settle

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WindowOp(enum.IntEnum):
    """What is computed of each window; the names are those of the PromQL functions."""

    RATE = 0
    INCREASE = 1
    DELTA = 2
    IRATE = 3
    IDELTA = 4
    RESETS = 5
    CHANGES = 6
    SUM_OVER_TIME = 7
    AVG_OVER_TIME = 8
    COUNT_OVER_TIME = 9
    PRESENT_OVER_TIME = 10
    FIRST_OVER_TIME = 11
    LAST_OVER_TIME = 12
    MIN_OVER_TIME = 13
    MAX_OVER_TIME = 14
    STDDEV_OVER_TIME = 15
    STDVAR_OVER_TIME = 16
    QUANTILE_OVER_TIME = 17
    MAD_OVER_TIME = 18
    DERIV = 19
    PREDICT_LINEAR = 20
    DOUBLE_EXPONENTIAL_SMOOTHING = 21
    TS_OF_FIRST_OVER_TIME = 22
    TS_OF_LAST_OVER_TIME = 23
    TS_OF_MIN_OVER_TIME = 24
    TS_OF_MAX_OVER_TIME = 25


RATE, INCREASE, DELTA, IRATE, IDELTA, RESETS, CHANGES = range(7)
SUM, AVG, COUNT, PRESENT, FIRST, LAST, MIN, MAX, STDDEV, STDVAR = range(7, 17)
QUANTILE, MAD, DERIV, PREDICT_LINEAR, SMOOTHING = range(17, 22)
TS_OF_FIRST, TS_OF_LAST, TS_OF_MIN, TS_OF_MAX = range(22, 26)

_RESORT_SHARE = 2
"""A sorted window is built afresh when fewer than one in this many of its samples are kept: a sort then beats insertion."""

_ROOM = 3
"""A sorted window moves inside this many times the longest one; where it comes to an end it is sorted afresh in the middle."""


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


@kernel
def _advance(times: NDArray[np.int64], place: int, stride: int, limit: int) -> int:
    """Return how many times are not after `limit`, given that `place` are; `stride` guesses how many more."""
    n = len(times)
    guess = place + stride
    # Scrapes are regular, so the step before tells how far this one goes: two comparisons instead of a walk.
    if guess <= n and (guess == 0 or times[guess - 1] <= limit) and (guess == n or times[guess] > limit):
        return guess
    while place < n and times[place] <= limit:
        place += 1
    return place


@kernel
def _bounds(
    times: NDArray[np.int64],
    ends: NDArray[np.int64],
    span: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> None:
    """Write for each window the first sample and one past the last."""
    first = stop = first_stride = stop_stride = 0
    for step in range(len(ends)):
        before = stop
        stop = _advance(times, stop, stop_stride, ends[step])
        stop_stride = stop - before
        before = first
        first = _advance(times, first, first_stride, ends[step] - span)
        first_stride = first - before
        low[step] = first
        high[step] = stop


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


@kernel
def _sample_of(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """count, present, first, last, ts_of_first, ts_of_last: what needs no more than the bounds."""
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop <= first:
            continue
        if op == COUNT:
            out[step] = stop - first
        elif op == PRESENT:
            out[step] = 1.0
        elif op == FIRST:
            out[step] = values[first]
        elif op == LAST:
            out[step] = values[stop - 1]
        elif op == TS_OF_FIRST:
            out[step] = times[first] / 1000.0
        else:
            out[step] = times[stop - 1] / 1000.0


@kernel
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
def _sum(values: NDArray[np.float64]) -> float:
    total, carry = 0.0, 0.0
    for i in range(len(values)):
        total, carry = add(total, carry, values[i])
    return settle(total, carry)


@kernel
def _mean(values: NDArray[np.float64]) -> float:
    """The mean by one sum, or step by step from where the sum overflows."""
    total, carry = values[0], 0.0
    for i in range(1, len(values)):
        larger, larger_carry = add(total, carry, values[i])
        if math.isinf(larger):
            return _incremental_mean(values, i, total / i, carry / i)
        total, carry = larger, larger_carry
    return float(total / len(values) + carry / len(values))


@kernel
def _incremental_mean(values: NDArray[np.float64], start: int, mean: float, carry: float) -> float:
    for i in range(start, len(values)):
        count = i + 1.0
        share = (count - 1.0) / count
        mean, carry = add(share * mean, share * carry, values[i] / count)
    return mean + carry


@kernel
def _variance(values: NDArray[np.float64]) -> float:
    """Source: B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products" (1962), compensated."""
    mean, mean_carry, squares, squares_carry = 0.0, 0.0, 0.0, 0.0
    for i in range(len(values)):
        delta = values[i] - (mean + mean_carry)
        mean, mean_carry = add(mean, mean_carry, delta / (i + 1.0))
        squares, squares_carry = add(squares, squares_carry, delta * (values[i] - (mean + mean_carry)))
    return (squares + squares_carry) / len(values)


@kernel
def _sliding_sums(
    op: int,
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    suffixes: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """
    Sum and avg of windows that overlap, with two compensated additions for each sample, however many windows it is in.

    A window is the end of a front part, whose sums from every sample to the part's end are kept, and a back part that grows. When
    the window has left the front part, the back part becomes the front part. Sums that are not finite are computed afresh.
    Source: K. Tangwongsan, M. Hirzel, S. Schneider, "Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time"
    (2017), section 2, the two-stacks algorithm.
    """
    totals, carries = suffixes[0], suffixes[1]
    front = border = back = 0  # the front part is front:border, the back part border:back
    total, carry = 0.0, 0.0
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop <= first:
            continue
        if first >= border:
            front, border, back = first, stop, stop
            total, carry = 0.0, 0.0
            totals[stop - front], carries[stop - front] = 0.0, 0.0
            for i in range(stop - 1, first - 1, -1):
                totals[i - front], carries[i - front] = add(
                    totals[i - front + 1], carries[i - front + 1], values[i]
                )
        for i in range(back, stop):
            total, carry = add(total, carry, values[i])
        back = stop
        whole, rest = add(totals[first - front], carries[first - front] + carry, total)
        if not math.isfinite(whole):
            out[step] = _sum(values[first:stop]) if op == SUM else _mean(values[first:stop])
        elif op == SUM:
            out[step] = whole + rest
        else:
            out[step] = whole / (stop - first) + rest / (stop - first)


_OVERLAP = 3
"""Windows that hold the samples more often than this many times over are summed by the sliding algorithm."""


@kernel
def _overlaps(low: NDArray[np.int64], high: NDArray[np.int64], n_samples: int) -> bool:
    held = 0
    for step in range(len(low)):
        held += high[step] - low[step]
    return held > _OVERLAP * n_samples


@kernel
def _reduce(
    op: int,
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """sum, avg, stddev, stdvar."""
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop > first
        if stop <= first:
            continue
        window = values[first:stop]
        if op == SUM:
            out[step] = _sum(window)
        elif op == AVG:
            out[step] = _mean(window)
        elif op == STDVAR:
            out[step] = _variance(window)
        else:
            out[step] = math.sqrt(_variance(window))


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


@kernel
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


@kernel
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


@kernel
def _sorted_copy(values: NDArray[np.float64], ordered: NDArray[np.float64]) -> int:
    """Write the numbers of `values` into `ordered`, sorted; return how many there are beside the NaNs."""
    count = 0
    for i in range(len(values)):
        if not math.isnan(values[i]):
            ordered[count] = values[i]
            count += 1
    ordered[:count].sort()
    return count


@kernel
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


@kernel
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


@kernel
def _regression(times: NDArray[np.int64], values: NDArray[np.float64], origin: int) -> tuple[float, float]:
    """Return slope per second and value at `origin` of the least-squares line."""
    n = len(values)
    constant = True
    x_sum, x_carry, y_sum, y_carry = 0.0, 0.0, 0.0, 0.0
    xy_sum, xy_carry, xx_sum, xx_carry = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        x, y = (times[i] - origin) / 1000.0, values[i]
        constant = constant and y == values[0]
        x_sum, x_carry = add(x_sum, x_carry, x)
        y_sum, y_carry = add(y_sum, y_carry, y)
        xy_sum, xy_carry = add(xy_sum, xy_carry, x * y)
        xx_sum, xx_carry = add(xx_sum, xx_carry, x * x)
    if constant:
        if math.isinf(values[0]):
            return math.nan, math.nan
        return 0.0, values[0]
    x_sum += x_carry
    y_sum += y_carry
    covariance = (xy_sum + xy_carry) - x_sum * y_sum / n
    variance = (xx_sum + xx_carry) - x_sum * x_sum / n
    slope = covariance / variance
    return slope, y_sum / n - slope * x_sum / n


@kernel
def _smooth(values: NDArray[np.float64], factor: float, trend_factor: float) -> float:
    """Double exponential smoothing. Source: Prometheus documentation, ``double_exponential_smoothing()``."""
    before, level, trend = 0.0, values[0], values[1] - values[0]
    for i in range(1, len(values)):
        if i > 1:
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend
        before, level = level, factor * values[i] + (1.0 - factor) * (level + trend)
    return float(level)


@kernel
def _fits(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """deriv, predict_linear (params: seconds ahead, evaluation time in ms), double_exponential_smoothing (both factors)."""
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop - first >= 2
        if stop - first < 2:
            continue
        window = values[first:stop]
        if op == DERIV:
            out[step] = _regression(times[first:stop], window, times[first])[0]
        elif op == PREDICT_LINEAR:
            slope, intercept = _regression(times[first:stop], window, int(params[1, step]))
            out[step] = slope * params[0, step] + intercept
        else:
            out[step] = _smooth(window, params[0, step], params[1, step])


@kernel
def _windows(
    op: int,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    span: int,
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    all_times, all_values, offsets = samples
    low = np.empty(len(ends), dtype=np.int64)
    high = np.empty(len(ends), dtype=np.int64)
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    places = np.empty(longest, dtype=np.int64)
    ordered = np.empty(_ROOM * longest + 1, dtype=np.float64)
    scratch = np.empty((6, len(ends)), dtype=np.float64)
    suffixes = np.empty((2, longest + 1), dtype=np.float64)
    for row in range(len(offsets) - 1):
        times = all_times[offsets[row] : offsets[row + 1]]
        values = all_values[offsets[row] : offsets[row + 1]]
        _bounds(times, ends, span, low, high)
        if op <= DELTA:
            bounds = ends, span, low, high
            _extrapolated(op, times, values, bounds, places, scratch, out[row], kinds[row])
        elif op <= IDELTA:
            _last_two(op, times, values, low, high, out[row], kinds[row])
        elif op <= CHANGES:
            _transitions(op, values, low, high, places, out[row], kinds[row])
        elif op in (MIN, MAX, TS_OF_MIN, TS_OF_MAX):
            _extremes(op, times, values, low, high, places, out[row], kinds[row])
        elif op in (SUM, AVG, STDDEV, STDVAR):
            if op <= AVG and _overlaps(low, high, len(values)):
                _sliding_sums(op, values, low, high, suffixes, out[row], kinds[row])
            else:
                _reduce(op, values, low, high, out[row], kinds[row])
        elif op == QUANTILE:
            _quantiles(values, low, high, params[0], ordered, out[row], kinds[row])
        elif op == MAD:
            _deviations(values, low, high, ordered, out[row], kinds[row])
        elif op >= DERIV and op <= SMOOTHING:
            _fits(op, times, values, low, high, params, out[row], kinds[row])
        else:
            _sample_of(op, times, values, low, high, out[row], kinds[row])


def windows(
    op: WindowOp,
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    span: int,
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """
    Compute a range function for every window of every series.

    Parameters
    ----------
    op
        The function.
    samples
        Times (Unix milliseconds, increasing inside a series), values, and offsets, shape (n_series + 1,): series *i* owns
        ``offsets[i]:offsets[i + 1]``. Stale markers are already removed.
    ends : ndarray of int64, shape (n_steps,)
        End of each window, Unix milliseconds, not decreasing.
    span
        Length of the windows in milliseconds, > 0.
    params : ndarray of float64, shape (n_params, n_steps)
        Arguments of the function: the quantile; seconds ahead and evaluation time of `predict_linear`; smoothing and trend
        factor. Two rows are always enough.
    out : ndarray of float64, shape (n_series, n_steps)
        Filled where `kinds` becomes 1, left alone elsewhere.
    kinds : ndarray of uint8, shape (n_series, n_steps)
        Filled: 1 where the window has a result, else 0.
    """
    _windows(int(op), samples, ends, span, params, out, kinds)


@kernel
def _latest(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    ends: NDArray[np.int64],
    lookback: int,
    stale: int,
    picks: NDArray[np.int64],
) -> None:
    bits = values.view(np.int64)
    for row in range(len(offsets) - 1):
        offset = offsets[row]
        own = times[offset : offsets[row + 1]]
        place = stride = 0
        for step in range(len(ends)):
            before = place
            place = _advance(own, place, stride, ends[step])
            stride = place - before
            chosen = place - 1
            if chosen < 0 or own[chosen] <= ends[step] - lookback or bits[offset + chosen] == stale:
                picks[row, step] = -1
            else:
                picks[row, step] = offset + chosen


def latest(
    samples: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    lookback: int,
    stale: int,
    picks: NDArray[np.int64],
) -> None:
    """
    Find the sample that each series shows at each step: the newest in ``(end - lookback, end]``, unless it is a stale marker.

    Parameters
    ----------
    samples
        Times, values and offsets as for `windows`, stale markers included.
    ends : ndarray of int64, shape (n_steps,)
        Unix milliseconds, not decreasing.
    lookback
        Milliseconds, > 0.
    stale
        Bit pattern of the stale marker.
    picks : ndarray of int64, shape (n_series, n_steps)
        Filled with indices into the samples, -1 where there is none.
    """
    _latest(*samples, ends, lookback, stale, picks)


def warm() -> None:
    """Compile for the types that are called with."""
    samples = np.zeros(1, dtype=np.int64), np.zeros(1), np.array([0, 1], dtype=np.int64)
    ends = np.zeros(1, dtype=np.int64)
    out, kinds = np.zeros((1, 1)), np.zeros((1, 1), dtype=np.uint8)
    windows(WindowOp.RATE, samples, ends, 1, np.zeros((2, 1)), out, kinds)
    latest(samples, ends, 1, 0, np.zeros((1, 1), dtype=np.int64))
    # Called from Python too, for histograms.
    extrapolation(0, 1, 1, 0, 1, 0.0)
