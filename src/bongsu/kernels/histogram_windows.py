"""
Range functions of native histograms of one layout: each column of the dense rows is a series of its own, resets are shared.

Windows are ``(end - span, end]``. A row is count, sum, zero bucket, buckets; extrapolation looks at the count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._sums import add, settle
from bongsu.kernels._window_changes import extrapolation
from bongsu.kernels.window_ops import (
    AVG,
    DELTA,
    IDELTA,
    IRATE,
    RATE,
    SUM,
    WindowOp,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Samples = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.uint8]"]
"""Times, dense rows, and which rows are a counter reset after the row before."""


@kernel
def _total(rows: NDArray[np.float64], mean: bool, out: NDArray[np.float64]) -> None:
    n = len(rows)
    for k in range(rows.shape[1]):
        total = carry = 0.0
        for i in range(n):
            total, carry = add(total, carry, rows[i, k])
        out[k] = settle(total, carry)
        if mean and np.isinf(out[k]):
            # Perhaps only the sum was too large for a float.
            total = carry = 0.0
            for i in range(n):
                total, carry = add(total, carry, rows[i, k] / n)
            out[k] = settle(total, carry)
        elif mean:
            out[k] /= n


@inner_kernel
def _last_two(op: int, samples: Samples, last: int, out: NDArray[np.float64]) -> None:
    times, rows, resets = samples
    divisor = (times[last] - times[last - 1]) / 1000.0 if op == IRATE else 1.0
    whole = op == IRATE and resets[last]
    for k in range(rows.shape[1]):
        change = rows[last, k] - (0.0 if whole else rows[last - 1, k])
        out[k] = change / divisor


@inner_kernel
def _extrapolated(
    op: int, samples: Samples, edges: tuple[int, int], bounds: tuple[int, int], out: NDArray[np.float64]
) -> None:
    times, rows, resets = samples
    first, last = edges
    start, end = bounds
    for k in range(rows.shape[1]):
        out[k] = rows[last, k] - rows[first, k]
    zero_share = np.inf
    if op != DELTA:
        for i in range(first + 1, last + 1):
            if resets[i]:
                for k in range(rows.shape[1]):
                    out[k] += rows[i - 1, k]
        if out[0] > 0.0 and rows[first, 0] >= 0.0:
            zero_share = rows[first, 0] / out[0]
    factor = extrapolation(times[first], times[last], last - first, start, end, zero_share)
    if op == RATE:
        factor /= (end - start) / 1000.0
    for k in range(rows.shape[1]):
        out[k] *= factor


@kernel
def _windows(
    op: int,
    samples: Samples,
    ends: NDArray[np.int64],
    span: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    written = 0
    rows = samples[1]
    for step in range(len(ends)):
        first, stop = low[step], high[step]
        if op in (SUM, AVG):
            if stop > first:
                _total(rows[first:stop], op == AVG, out[written])
                written += 1
        elif stop - first >= 2:
            if op in (IRATE, IDELTA):
                _last_two(op, samples, stop - 1, out[written])
            else:
                edges, bounds = (first, stop - 1), (ends[step] - span, ends[step])
                _extrapolated(op, samples, edges, bounds, out[written])
            written += 1
    return written


def histogram_windows(
    op: WindowOp,
    samples: Samples,
    ends: NDArray[np.int64],
    span: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> NDArray[np.float64]:
    """
    Compute rate, increase, delta, irate, idelta, sum_over_time or avg_over_time of one series.

    Parameters
    ----------
    low, high : ndarray of int64, shape (n_steps,)
        The samples ``low:high`` are in the window of each step.

    Returns
    -------
    ndarray of float64, shape (n_results, width)
        A row for each window with enough samples: one for sums and means, two for the others.
    """
    needed = 1 if op in (WindowOp.SUM_OVER_TIME, WindowOp.AVG_OVER_TIME) else 2
    out = np.empty((int((high - low >= needed).sum()), samples[1].shape[1]))
    _windows(int(op), samples, ends, span, low, high, out)
    return out


@kernel
def _accumulate(
    rows: NDArray[np.float64],
    steps: NDArray[np.int64],
    columns: NDArray[np.int64],
    totals: NDArray[np.float64],
    carries: NDArray[np.float64],
) -> None:
    for i in range(len(rows)):
        step = steps[i]
        for k in range(rows.shape[1]):
            column = columns[k]
            totals[step, column], carries[step, column] = add(
                totals[step, column], carries[step, column], rows[i, k]
            )


def accumulate_rows(
    rows: NDArray[np.float64],
    steps: NDArray[np.int64],
    columns: NDArray[np.int64],
    totals: NDArray[np.float64],
    carries: NDArray[np.float64],
) -> None:
    """
    Add dense rows to the sums of their steps, in place.

    Parameters
    ----------
    steps : ndarray of int64, shape (n_rows,)
    columns : ndarray of int64, shape (width,)
        Where each column of the rows is in the sums.
    totals, carries : ndarray of float64, shape (n_steps, width of the sums)
        Compensated sums, see `bongsu.kernels._sums`.
    """
    _accumulate(rows, steps, columns, totals, carries)


def warm() -> None:
    """Compile for the types that are called with."""
    times, numbers = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    rows = np.zeros((1, 3))
    samples = times, rows, np.zeros(1, dtype=np.uint8)
    histogram_windows(WindowOp.SUM_OVER_TIME, samples, numbers, 1, numbers, np.ones(1, dtype=np.int64))
    accumulate_rows(rows, numbers, np.arange(3), np.zeros((1, 3)), np.zeros((1, 3)))
