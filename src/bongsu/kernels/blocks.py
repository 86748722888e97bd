"""Kernels of blocks: finding the chunks of a range, and copying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._addresses import words_at
from bongsu.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def find_ranges(
    first: NDArray[np.int64],
    min_times: NDArray[np.int64],
    max_times: NDArray[np.int64],
    rows: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    out_from: NDArray[np.int64],
    out_count: NDArray[np.int64],
) -> None:
    """Write, for each row, which of its chunks touch the closed range; chunks of a row do not overlap."""
    for i in range(len(rows)):
        low, high = first[rows[i]], first[rows[i] + 1]
        begin = low + np.searchsorted(max_times[low:high], start_ms, side="left")
        stop = low + np.searchsorted(min_times[low:high], end_ms, side="right")
        out_from[i] = begin
        out_count[i] = max(stop - begin, 0)


@kernel
def copy_words(
    addresses: NDArray[np.int64],
    sizes: NDArray[np.int64],
    target: NDArray[np.uint64],
    target_at: NDArray[np.int64],
) -> None:
    """Copy chunks from where they are; places in the target and sizes are in bytes and multiples of 8."""
    for i in range(len(sizes)):
        words = words_at(addresses[i])
        at = target_at[i] >> 3
        for k in range(sizes[i] >> 3):
            target[at + k] = words[k]
