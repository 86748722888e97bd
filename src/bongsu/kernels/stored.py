"""Looks for single samples among those that a head has: whether a late row repeats one, contradicts one, or is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.chunks import decode_chunk
from bongsu.kernels.head import (
    CHUNK_LINK,
    CHUNK_MAX,
    CHUNK_MIN,
    CHUNK_PLACE,
    COUNT,
    LAST_CHUNK,
    OPEN,
    ROW_BASE,
    ROW_BITS,
    ROW_OFFSETS,
    HeadArrays,
    place_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def find_stored(
    head: HeadArrays,
    arena: int,
    slots: NDArray[np.int64],
    times: NDArray[np.int64],
    found: NDArray[np.bool_],
    bits: NDArray[np.int64],
) -> None:
    """
    Tell of each slot and time whether the open row or a chunk has a float there, and its bits.

    Rows of one slot and chunk should follow each other: a chunk is decoded once for all of them.

    Parameters
    ----------
    arena
        Address of the head's arena.
    """
    chunk_times = np.empty(0, dtype=np.int64)
    chunk_values = np.empty(0, dtype=np.float64)
    no_starts = np.empty(0, dtype=np.int64)
    decoded = -1
    for i in range(len(slots)):
        slot, time = slots[i], times[i]
        found[i] = False
        if head.meta[slot, COUNT] == 0:
            continue
        if head.meta[slot, OPEN] > 0 and time >= head.open[slot, ROW_BASE]:
            row = head.open[slot]
            at = place_of(
                row[ROW_OFFSETS:ROW_BITS].view(np.uint32)[: head.meta[slot, OPEN]], time - row[ROW_BASE]
            )
            if at >= 0:
                found[i] = True
                bits[i] = row[ROW_BITS + at]
            continue
        chunk = _chunk_of(head, slot, time)
        if chunk < 0:
            continue
        entry = head.chunks[chunk]
        if chunk != decoded:
            count = (entry[CHUNK_LINK] >> 16) & 0xFFFF
            if len(chunk_times) != count:
                chunk_times = np.empty(count, dtype=np.int64)
                chunk_values = np.empty(count, dtype=np.float64)
            shape = entry[CHUNK_PLACE]
            decode_chunk(
                shape & 0xFF,
                (shape >> 8) & 0xFF,
                arena + (shape >> 16),
                entry[CHUNK_MIN],
                entry[CHUNK_MAX],
                chunk_times,
                chunk_values,
                no_starts,
            )
            decoded = chunk
        at = place_of(chunk_times, time)
        if at >= 0:
            found[i] = True
            bits[i] = chunk_values.view(np.int64)[at]


@inner_kernel
def _chunk_of(head: HeadArrays, slot: int, time: int) -> int:
    """Return the sealed chunk whose span has a time, -1 if there is none; from the newest to the oldest."""
    chunk = head.meta[slot, LAST_CHUNK]
    while chunk >= 0 and time < head.chunks[chunk, CHUNK_MIN]:
        chunk = head.chunks[chunk, CHUNK_LINK] >> 32
    if chunk >= 0 and time > head.chunks[chunk, CHUNK_MAX]:
        return -1
    return int(chunk)
