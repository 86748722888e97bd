"""
What the head alone has of some series, as the arrays of a `ChunkView`, by one call.

Most queries are of the newest hour and of a few series; what is done for each of their chunks in Python costs more than all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels.head import (
    CHUNK_LINK,
    CHUNK_MAX,
    CHUNK_MIN,
    CHUNK_PLACE,
    FLAGS,
    HAS_SIDE,
    HAS_STARTS,
    LAST_CHUNK,
    LAST_TIME,
    OPEN,
    ROW_BASE,
    ROW_BITS,
    ROW_OFFSETS,
    HeadArrays,
    _first_from,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

DONE, NEEDS_ROOM, NEEDS_MERGING = range(3)
"""Outcomes: all is written; the same again with more room; a series has samples beside its chunks."""

ROWS, CHUNKS, WORDS = range(3)
"""Entries of `needs`: series with samples in the range, their chunks, and the words of their open samples."""

ADDRESS, COUNT, MIN_TIME, MAX_TIME = range(4)
"""Rows of `wide`."""

KIND, CODEC, CHUNK_FLAGS = range(3)
"""Rows of `narrow`."""

_FLOAT = 1  # KIND_FLOAT
_STARTS = 1  # FLAG_STARTS


@kernel
def view_slots(
    head: HeadArrays,
    slots: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    sides_are_aside: bool,
    rows: NDArray[np.int64],
    wide: NDArray[np.int64],
    narrow: NDArray[np.uint8],
    opened: NDArray[np.int64],
    needs: NDArray[np.int64],
) -> int:
    """
    Write the chunks of series that touch a closed range, oldest first, with a copy of the open samples in it as one raw chunk each.

    Parameters
    ----------
    slots : ndarray of int64, shape (n_slots,)
    sides_are_aside
        Side buffers are known to have nothing in the range; else one that may have ends this with `NEEDS_MERGING`.
    rows : ndarray of int64, shape (2, n_slots + 1)
        Filled: where the chunks of each slot begin, and how many samples they have (the last entry is left alone).
    wide : ndarray of int64, shape (4, room)
        Filled: address, samples, first and last time of each chunk.
    narrow : ndarray of uint8, shape (3, room)
        Filled: kind, codec and flags of each chunk.
    opened : ndarray of int64, shape (room,)
        Takes the open samples.
    needs : ndarray of int64, shape (3,)
        Filled: what there is, also where there is no room for it.
    """
    first, counts = rows[0], rows[1]
    first[0] = 0
    needs[:] = 0
    for i in range(len(slots)):
        meta = head.meta[slots[i]]
        counts[i] = 0
        first[i + 1] = first[i]
        if meta[LAST_TIME] < start_ms:
            continue  # nothing is newer, side buffers included
        if meta[FLAGS] & HAS_SIDE and not sides_are_aside:
            return NEEDS_MERGING
        n_chunks = samples = 0
        chunk = meta[LAST_CHUNK]
        while chunk >= 0 and head.chunks[chunk, CHUNK_MAX] >= start_ms:
            if head.chunks[chunk, CHUNK_MIN] <= end_ms:
                n_chunks += 1
                samples += head.chunks[chunk, CHUNK_LINK] >> 16 & 0xFFFF
            chunk = head.chunks[chunk, CHUNK_LINK] >> 32
        begin, stop = _open_range(head, slots[i], start_ms, end_ms)
        if stop > begin:
            n_chunks += 1
            samples += stop - begin
            needs[WORDS] += (stop - begin) * (3 if meta[FLAGS] & HAS_STARTS else 2)
        counts[i] = samples
        first[i + 1] += n_chunks
        needs[ROWS] += n_chunks > 0
    needs[CHUNKS] = first[len(slots)]
    if needs[CHUNKS] > wide.shape[1] or needs[WORDS] > len(opened):
        return NEEDS_ROOM
    arena_at = np.int64(head.arena.ctypes.data)
    opened_at = np.int64(opened.ctypes.data)
    used = 0
    for i in range(len(slots)):
        at = first[i + 1]
        if at == first[i]:
            continue
        meta = head.meta[slots[i]]
        begin, stop = _open_range(head, slots[i], start_ms, end_ms)
        if stop > begin:
            at -= 1
            words = _copy_open(head, slots[i], begin, stop, opened[used:])
            wide[ADDRESS, at] = opened_at + 8 * used
            wide[COUNT, at] = stop - begin
            wide[MIN_TIME, at] = opened[used]
            wide[MAX_TIME, at] = opened[used + stop - begin - 1]
            narrow[KIND, at] = _FLOAT
            narrow[CODEC, at] = 0
            narrow[CHUNK_FLAGS, at] = _STARTS if meta[FLAGS] & HAS_STARTS else 0
            used += words
        chunk = meta[LAST_CHUNK]
        while at > first[i]:
            entry = head.chunks[chunk]
            if entry[CHUNK_MIN] <= end_ms:
                at -= 1
                wide[ADDRESS, at] = arena_at + (entry[CHUNK_PLACE] >> 16)
                wide[COUNT, at] = entry[CHUNK_LINK] >> 16 & 0xFFFF
                wide[MIN_TIME, at] = entry[CHUNK_MIN]
                wide[MAX_TIME, at] = entry[CHUNK_MAX]
                narrow[KIND, at] = _FLOAT
                narrow[CODEC, at] = entry[CHUNK_PLACE] & 0xFF
                narrow[CHUNK_FLAGS, at] = entry[CHUNK_PLACE] >> 8 & 0xFF
            chunk = entry[CHUNK_LINK] >> 32
    return DONE


@inner_kernel
def _open_range(head: HeadArrays, slot: int, start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return which open samples of a slot lie in a closed range."""
    meta = head.meta[slot]
    row = head.open[slot]
    stop = meta[OPEN] if meta[LAST_TIME] <= end_ms else _first_from(row, meta[OPEN], end_ms + 1)
    return _first_from(row, stop, start_ms), stop


@owning_kernel
def _copy_open(head: HeadArrays, slot: int, begin: int, stop: int, out: NDArray[np.int64]) -> int:
    """Write open samples as a raw chunk; return its words."""
    row = head.open[slot]
    n = stop - begin
    offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
    for k in range(n):
        out[k] = row[ROW_BASE] + np.int64(offsets[begin + k])
    words = n
    if head.meta[slot, FLAGS] & HAS_STARTS:
        out[n : 2 * n] = head.starts[slot, begin:stop]
        words = 2 * n
    out[words : words + n] = row[ROW_BITS + begin : ROW_BITS + stop]
    return words + n
