"""
Timestamps of a chunk: a constant step, or a step and packed jitter.

The directory knows the first and the last time, so a constant step costs no byte at all. Jitter is packed either as distance from
the even grid between both (`TIMES_GRID`, for scrapes) or as differences (`TIMES_DELTA`, for everything else; a gap is one exception).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.packing import pack_stream, plan_stream, unpack_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMES_RAW, TIMES_STEP, TIMES_GRID, TIMES_DELTA = range(4)
"""Upper half of a chunk's codec byte."""


GRID_BITS = 20
"""The grid's step has this many fractional bits, or its rounding would add up over a chunk to more than the jitter."""

MAX_GRID_SPAN = 1 << 40
"""A grid of a longer span, 35 years, would overflow with its fractional bits."""


@kernel
def _leave_grid(times: NDArray[np.int64], span: int, out: NDArray[np.int64]) -> None:
    """Write the distance of each time from the even grid between the first and the last."""
    step = (span << GRID_BITS) // (len(times) - 1)
    for i in range(len(times)):
        out[i] = times[i] - (times[0] + (i * step >> GRID_BITS))


@kernel
def encode_times(
    times: NDArray[np.int64], scratch: NDArray[np.int64], words: NDArray[np.uint64], at: int
) -> tuple[int, int]:
    """Write increasing times at word `at`; return (codec, word after them). `scratch` has room for the times and 65 numbers more."""
    n = len(times)
    step = (times[n - 1] - times[0]) // max(n - 1, 1)
    even = True
    for i in range(n):
        scratch[i] = times[i] - (times[0] + i * step)
        even = even and scratch[i] == 0
    if even:
        return TIMES_STEP, at
    counts = scratch[n : n + 65]
    span = times[n - 1] - times[0]
    on_grid = 0 < span < MAX_GRID_SPAN
    grid_size, grid_base, grid_width = 8 * n, 0, 0
    if on_grid:
        _leave_grid(times, span, scratch)
        grid_size, grid_base, grid_width = plan_stream(scratch[:n], counts)
    for i in range(n - 1):
        scratch[i] = times[i + 1] - times[i]
    delta_size, delta_base, delta_width = plan_stream(scratch[: n - 1], counts)
    if min(grid_size, delta_size) >= 8 * n:
        for i in range(n):
            words[at + i] = np.uint64(times[i])
        return TIMES_RAW, at + n
    if delta_size < grid_size:
        return TIMES_DELTA, pack_stream(scratch[: n - 1], delta_base, delta_width, 0, words, at)
    _leave_grid(times, span, scratch)
    return TIMES_GRID, pack_stream(scratch[:n], grid_base, grid_width, 0, words, at)


@kernel
def decode_times(
    codec: int, words: NDArray[np.uint64], at: int, first: int, last: int, out: NDArray[np.int64]
) -> int:
    """Read ``len(out)`` times whose first and last are known; return the word after them."""
    n = len(out)
    if codec == TIMES_RAW:
        for i in range(n):
            out[i] = np.int64(words[at + i])
        return at + n
    step = (last - first) // max(n - 1, 1)
    if codec == TIMES_STEP:
        for i in range(n):
            out[i] = first + i * step
        return at
    if codec == TIMES_GRID:
        at = unpack_stream(words, at, out)
        grid_step = ((last - first) << GRID_BITS) // (n - 1)
        for i in range(n):
            out[i] += first + (i * grid_step >> GRID_BITS)
        return at
    at = unpack_stream(words, at, out[1:])
    out[0] = first
    for i in range(1, n):
        out[i] += out[i - 1]
    return at
