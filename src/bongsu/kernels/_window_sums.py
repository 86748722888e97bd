"""Range functions that sum: sums, means, variances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._sums import add, settle
from bongsu.kernels.window_ops import AVG, STDVAR, SUM

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def _sum(values: NDArray[np.float64]) -> float:
    total, carry = 0.0, 0.0
    for i in range(len(values)):
        total, carry = add(total, carry, values[i])
    return settle(total, carry)


@inner_kernel
def _mean(values: NDArray[np.float64]) -> float:
    """The mean by one sum, or step by step from where the sum overflows."""
    total, carry = values[0], 0.0
    for i in range(1, len(values)):
        larger, larger_carry = add(total, carry, values[i])
        if math.isinf(larger):
            return _incremental_mean(values, i, total / i, carry / i)
        total, carry = larger, larger_carry
    return float(total / len(values) + carry / len(values))


@inner_kernel
def _incremental_mean(values: NDArray[np.float64], start: int, mean: float, carry: float) -> float:
    for i in range(start, len(values)):
        count = i + 1.0
        share = (count - 1.0) / count
        mean, carry = add(share * mean, share * carry, values[i] / count)
    return mean + carry


@inner_kernel
def _variance(values: NDArray[np.float64]) -> float:
    """Source: B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products" (1962), compensated."""
    mean, mean_carry, squares, squares_carry = 0.0, 0.0, 0.0, 0.0
    for i in range(len(values)):
        delta = values[i] - (mean + mean_carry)
        mean, mean_carry = add(mean, mean_carry, delta / (i + 1.0))
        squares, squares_carry = add(squares, squares_carry, delta * (values[i] - (mean + mean_carry)))
    return (squares + squares_carry) / len(values)


@inner_kernel
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


@inner_kernel
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


@inner_kernel
def _overlaps(low: NDArray[np.int64], high: NDArray[np.int64], n_samples: int) -> bool:
    held = 0
    for step in range(len(low)):
        held += high[step] - low[step]
    return held > _OVERLAP * n_samples
