"""
Timestamps of a chunk: a constant step, or a step and packed jitter.

The directory knows the first and the last time, so a constant step costs no byte at all. Jitter is packed either as distance from
the even grid between both (`TIMES_GRID`, for scrapes) or as differences (`TIMES_DELTA`, for everything else; a gap is one exception).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import called_kernel, inner_kernel
from bongsu.kernels.streams import pack, plan, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMES_RAW, TIMES_STEP, TIMES_GRID, TIMES_DELTA, TIMES_SHARED = range(5)
"""Upper half of a chunk's codec byte. Shared times stand in an earlier chunk; see `bongsu.kernels.shared_times`."""


GRID_BITS = 20
"""The grid's step has this many fractional bits, or its rounding would add up over a chunk to more than the jitter."""

MAX_GRID_SPAN = 1 << 40
"""A grid of a longer span, 35 years, would overflow with its fractional bits."""


@called_kernel
def encode_times(
    times: NDArray[np.int64],
    scratch: NDArray[np.int64],
    words: NDArray[np.uint64],
) -> tuple[int, int]:
    """
    Write increasing times; return (codec, word after them).

    They are packed, never entropy-coded: most are shared by the series of a target, so that it would save little, and all are read.
    `scratch` has room for twice the times, and `bongsu.kernels.streams.SCRATCH` more.
    """
    n = len(times)
    # Not literals: numba would compile what is called once more for them.
    zero, tight = n - n, n < 0
    span = times[n - 1] - times[0]
    step = span // max(n - 1, 1)
    even = True
    for i in range(n):
        even = even and times[i] == times[0] + i * step
    if even:
        return TIMES_STEP, 0
    on_grid = 0 < span < MAX_GRID_SPAN
    grid_step = (span << GRID_BITS) // (n - 1) if on_grid else 0
    codec = TIMES_RAW
    best_size, best_base, best_width = 8 * n, 0, 0
    for form in range(TIMES_GRID if on_grid else TIMES_DELTA, TIMES_DELTA + 1):
        numbers = scratch[:n] if form == TIMES_GRID else scratch[n : 2 * n - 1]
        for i in range(len(numbers)):
            if form == TIMES_GRID:
                numbers[i] = times[i] - (times[0] + (i * grid_step >> GRID_BITS))
            else:
                numbers[i] = times[i + 1] - times[i]
        size, base, width = plan(numbers, tight, scratch[2 * n :])
        if size < best_size:
            codec = form
            best_size, best_base, best_width = size, base, width
    if codec == TIMES_RAW:
        for i in range(n):
            words[i] = np.uint64(times[i])
        return codec, n
    numbers = scratch[:n] if codec == TIMES_GRID else scratch[n : 2 * n - 1]
    return codec, pack(numbers, best_base, best_width, zero, scratch[2 * n :], words, zero)


@inner_kernel
def decode_times(codec: int, words: NDArray[np.uint64], first: int, last: int, out: NDArray[np.int64]) -> int:
    """Read ``len(out)`` times whose first and last are known; return the word after them."""
    n = len(out)
    zero = n - n  # not a literal: numba would compile what is called once more for it
    if codec == TIMES_RAW:
        for i in range(n):
            out[i] = np.int64(words[i])
        return n
    if codec == TIMES_STEP:
        step = (last - first) // max(n - 1, 1)
        for i in range(n):
            out[i] = first + i * step
        return 0
    at = unpack(words, zero, out if codec == TIMES_GRID else out[1:])
    if codec == TIMES_GRID:
        grid_step = ((last - first) << GRID_BITS) // (n - 1)
        for i in range(n):
            out[i] += first + (i * grid_step >> GRID_BITS)
        return at
    out[0] = first
    for i in range(1, n):
        out[i] += out[i - 1]
    return at
