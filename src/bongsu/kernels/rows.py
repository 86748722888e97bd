"""From the chunks of several series to their samples, one series after another in flat arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import read_only
from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.chunks import KNOWN_COLUMNS, decode_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

Directory = tuple[
    "NDArray[np.int64]",
    "NDArray[np.uint8]",
    "NDArray[np.uint8]",
    "NDArray[np.uint8]",
    "NDArray[np.int64]",
    "NDArray[np.int64]",
    "NDArray[np.int64]",
    "NDArray[np.int64]",
]
"""The arrays of a `ChunkView`, in the order of `decode_row`."""


KNOWN_CHUNKS = 64
"""Chunks of a row whose times may be those of the row before; later ones are decoded, which is only slower."""


@inner_kernel
def find_stale(stale: int, values: NDArray[np.float64]) -> bool:
    """Tell whether any value is the stale marker; they are rare, so one vectorised sweep answers mostly no."""
    bits = values.view(np.int64)
    found = False
    for i in range(len(bits)):
        found |= bits[i] == stale
    return found


@inner_kernel
def leave_out(
    stale: int,
    start: int,
    stop: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
) -> int:
    """Close the gaps that stale markers leave in ``start:stop``; return the new end."""
    bits = values.view(np.int64)
    kept = start
    for i in range(start, stop):
        if bits[i] != stale:
            times[kept] = times[i]
            values[kept] = values[i]
            if len(starts) > 0:
                starts[kept] = starts[i]
            kept += 1
    return kept


@kernel
def _read_rows(
    directory: Directory,
    start_ms: int,
    end_ms: int,
    stale: int,
    keep_stale: bool,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> None:
    first_chunk, kind, codec, flags, address, count, min_time, max_time = directory
    known = np.zeros((KNOWN_CHUNKS, KNOWN_COLUMNS), dtype=np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        offsets[row] = n
        stop, _ = decode_row(
            first_chunk, kind, codec, flags, address, count, min_time, max_time,
            row, start_ms, end_ms, n, times, values, starts, known,
        )  # fmt: skip
        if not keep_stale and find_stale(stale, values[n:stop]):
            stop = leave_out(stale, n, stop, times, values, starts)
            known[:] = 0
        n = stop
    offsets[len(offsets) - 1] = n


def read_rows(
    directory: Directory,
    start_ms: int,
    end_ms: int,
    stale: int,
    *,
    keep_stale: bool,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> None:
    """
    Read the float samples in ``[start_ms, end_ms]`` of all rows of a directory.

    Parameters
    ----------
    stale
        Bit pattern of the stale marker, which is left out unless `keep_stale`.
    times, values, starts : ndarray, shape (at least all samples of the rows)
        Filled up to ``offsets[-1]``; `starts` of length 0 when start timestamps are not wanted.
    offsets : ndarray of int64, shape (n_rows + 1,)
        Filled: row *i* owns ``offsets[i]:offsets[i + 1]``.
    """
    # Directories of the head are writable, those of mapped blocks are not; one form serves both.
    frozen: Directory = tuple(map(read_only, directory))  # type: ignore[assignment, arg-type]
    _read_rows(frozen, start_ms, end_ms, stale, keep_stale, times, values, starts, offsets)


def warm() -> None:
    """Compile for the types that are called with."""
    words, numbers = np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int64)
    small = np.zeros(0, dtype=np.uint8)
    directory = (words, small, small, small, *(numbers,) * 4)
    read_rows(
        directory,
        0,
        0,
        0,
        keep_stale=False,
        times=numbers,
        values=np.zeros(0),
        starts=numbers,
        offsets=np.zeros(2, dtype=np.int64),
    )
