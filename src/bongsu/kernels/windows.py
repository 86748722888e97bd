"""
Range functions of float samples: every window of every series in one pass.

A window that ends at `end` covers ``(end - span, end]``. Its bounds move only forward with the steps, so each is found by
walking on from the one before; resets, changes, extremes and sorted windows are kept from window to window as well, so that
a sample is touched once or twice however much windows overlap. A compensated sum has no exact subtraction, so sums are joined
from two parts; variances, fits and deviations are built afresh for each window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels._window_changes import _extrapolated, _last_two, _reaches, _transitions, extrapolation
from bongsu.kernels._window_fits import _fits
from bongsu.kernels._window_orders import _ROOM, _deviations, _extremes, _quantiles
from bongsu.kernels._window_sums import _overlaps, _reduce, _sliding_sums
from bongsu.kernels.window_ops import (
    AVG,
    CHANGES,
    COUNT,
    DELTA,
    DERIV,
    FIRST,
    IDELTA,
    LAST,
    MAD,
    MAX,
    MIN,
    NEWEST,
    PRESENT,
    QUANTILE,
    RATE,
    SMOOTHING,
    STDDEV,
    STDVAR,
    SUM,
    TS_OF_FIRST,
    TS_OF_MAX,
    TS_OF_MIN,
    WindowOp,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STALE = 0x7FF0_0000_0000_0002
"""`bongsu.model.samples.STALE_BITS`, as a literal that the compiler folds."""


@inner_kernel
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


@inner_kernel
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


@inner_kernel
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


Room = tuple[
    "NDArray[np.int64]",
    "NDArray[np.int64]",
    "NDArray[np.int64]",
    "NDArray[np.float64]",
    "NDArray[np.float64]",
    "NDArray[np.float64]",
]
"""What `window_row` works with, see `make_room`."""


@owning_kernel
def make_room(n_steps: int, longest: int) -> Room:
    """Return the scratch for windows of series with at most `longest` samples: bounds of the windows first."""
    return (
        np.empty(n_steps, dtype=np.int64),
        np.empty(n_steps, dtype=np.int64),
        np.empty(longest, dtype=np.int64),
        np.empty(_ROOM * longest + 1, dtype=np.float64),
        np.empty((4, n_steps), dtype=np.float64),
        np.empty((2, longest + 1), dtype=np.float64),
    )


@inner_kernel
def window_row(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
    span: int,
    params: NDArray[np.float64],
    room: Room,
    fresh: bool,
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """
    Compute every window of one series.

    Parameters
    ----------
    fresh
        The times are others than those of the last call with this room. Series of one target are scraped at the same moments, so that
        what follows from these alone is often known.
    """
    low, high, places, ordered, scratch, suffixes = room
    if fresh:
        _bounds(times, ends, span, low, high)
    if op <= DELTA:
        if fresh:
            _reaches(op, times, ends, span, low, high, scratch)
        seconds = span / 1000.0 if op == RATE else 1.0
        _extrapolated(op, values, low, high, seconds, places, scratch, out, kinds)
    elif op <= IDELTA:
        _last_two(op, times, values, low, high, out, kinds)
    elif op <= CHANGES:
        _transitions(op, values, low, high, places, out, kinds)
    elif op in (MIN, MAX, TS_OF_MIN, TS_OF_MAX):
        _extremes(op, times, values, low, high, places, out, kinds)
    elif op in (SUM, AVG, STDDEV, STDVAR):
        if op <= AVG and _overlaps(low, high, len(values)):
            _sliding_sums(op, values, low, high, suffixes, out, kinds)
        else:
            _reduce(op, values, low, high, out, kinds)
    elif op == QUANTILE:
        _quantiles(values, low, high, params[0], ordered, out, kinds)
    elif op == MAD:
        _deviations(values, low, high, ordered, out, kinds)
    elif op >= DERIV and op <= SMOOTHING:
        _fits(op, times, values, low, high, params, out, kinds)
    elif op == NEWEST:
        _newest(values, low, high, out, kinds)
    else:
        _sample_of(op, times, values, low, high, out, kinds)


@inner_kernel
def _newest(
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """The newest sample, nothing where that is a stale marker."""
    bits = values.view(np.int64)
    for step in range(len(low)):
        chosen = high[step] - 1
        kinds[step] = chosen >= low[step] and bits[chosen] != STALE
        if chosen >= low[step]:
            out[step] = values[chosen]


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
    times, values, offsets = samples
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    room = make_room(len(ends), longest)
    for row in range(len(offsets) - 1):
        first, stop = offsets[row], offsets[row + 1]
        window_row(
            op, times[first:stop], values[first:stop], ends, span, params, room, True, out[row], kinds[row]
        )


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
