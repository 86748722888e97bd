"""
The one way from chunk bytes to samples, for every kernel that reads a `ChunkView`.

A chunk starts at a multiple of 8 bytes in its buffer, so that its words can be read in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOAT = 1  # KIND_FLOAT, as a literal that the compiler folds
_STARTS = 1  # FLAG_STARTS


@kernel
def decode_row(
    data: NDArray[np.uint8],
    first_chunk: NDArray[np.int64],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    offset: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    row: int,
    start_ms: int,
    end_ms: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> int:
    """
    Write the float samples of one row that lie in ``[start_ms, end_ms]``, in order of time; return how many.

    The leading arrays are those of a `ChunkView`. Histogram chunks are passed over.

    Parameters
    ----------
    out_times, out_values : ndarray, shape (at least the samples of the row)
        See `ChunkView.row_capacity`.
    out_starts : ndarray of int64
        Start timestamps, 0 where unknown; give an array of length 0 when they are not wanted.
    """
    n = 0
    for c in range(first_chunk[row], first_chunk[row + 1]):
        if kind[c] != _FLOAT or max_time[c] < start_ms or min_time[c] > end_ms:
            continue
        length = count[c]
        decode_chunk(
            data, codec[c], flags[c], offset[c], length, out_times[n:], out_values[n:], out_starts[n:]
        )
        if min_time[c] >= start_ms and max_time[c] <= end_ms:
            n += length
        else:
            n += _trim(out_times[n : n + length], out_values[n:], out_starts[n:], start_ms, end_ms)
    return n


@kernel
def decode_chunk(
    data: NDArray[np.uint8],
    codec: int,
    flags: int,
    offset: int,
    length: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write the `length` samples of one float chunk; start timestamps only if `out_starts` has room for them."""
    words = data[offset : offset + 8 * length].view(np.int64)
    for i in range(length):
        out_times[i] = words[i]
    offset += 8 * length
    if len(out_starts) > 0:
        out_starts[:length] = 0
    if flags & _STARTS:
        if len(out_starts) > 0:
            words = data[offset : offset + 8 * length].view(np.int64)
            for i in range(length):
                out_starts[i] = words[i]
        offset += 8 * length
    values = data[offset : offset + 8 * length].view(np.float64)
    for i in range(length):
        out_values[i] = values[i]


@kernel
def _trim(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
) -> int:
    """Move the samples in the range to the front of the arrays; return how many."""
    first = np.searchsorted(times, start_ms, side="left")
    stop = np.searchsorted(times, end_ms, side="right")
    if first > 0:
        for i in range(first, stop):
            times[i - first] = times[i]
            values[i - first] = values[i]
            if len(starts) > 0:
                starts[i - first] = starts[i]
    return int(stop - first)
