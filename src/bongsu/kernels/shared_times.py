"""
Times that stand once for all chunks that have them: the series of one target are scraped at the same moments.

A chunk with shared times has one word in their place: ``distance << 8 | codec``, the words back to the chunk that has them, and how they are
written there. So a chunk can be moved only together with all that stand before it; a block's are written once and stay.

A table of what was written lately is kept beside: int64, shape (n_slots, 4), a power of two of slots, with two halves of a hash of the
times, the byte position of the chunk, and the codec. 0 slots mean that nothing is shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOTS = 1 << 14
"""Half a megabyte; more targets than that between two series of the same target share less."""

_KEY, _OTHER_KEY, _PLACE, _CODEC = range(4)
_PROBES = 4


def new_table(slots: int = SLOTS) -> NDArray[np.int64]:
    """Return an empty table."""
    table = np.zeros((slots, 4), dtype=np.int64)
    table[:, _PLACE] = -1
    return table


@inner_kernel
def _hash(times: NDArray[np.int64]) -> tuple[np.uint64, np.uint64]:
    """Return 128 bits that are the same for equal times only, for all that chance can do."""
    a = np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(len(times))
    b = np.uint64(0xC2B2AE3D27D4EB4F)
    for i in range(len(times)):
        word = np.uint64(times[i])
        a = (a ^ word) * np.uint64(0xFF51AFD7ED558CCD)
        a ^= a >> np.uint64(32)
        b = (b + word) * np.uint64(0xC4CEB9FE1A85EC53)
        b ^= b >> np.uint64(29)
    return a, b


@inner_kernel
def find_slot(times: NDArray[np.int64], table: NDArray[np.int64]) -> int:
    """Return the slot that has these times or is to have them; the table has slots."""
    a, b = _hash(times)
    key, other = np.int64(a), np.int64(b)
    mask = len(table) - 1
    first = np.int64(a & np.uint64(mask))
    for probe in range(_PROBES):
        slot = (first + probe) & mask
        if table[slot, _PLACE] < 0 or (table[slot, _KEY] == key and table[slot, _OTHER_KEY] == other):
            break
    else:
        slot = first  # the oldest of no use is not worth looking for
    if table[slot, _KEY] != key or table[slot, _OTHER_KEY] != other:
        table[slot, _KEY] = key
        table[slot, _OTHER_KEY] = other
        table[slot, _PLACE] = -1
    return int(slot)


@kernel
def is_known(table: NDArray[np.int64], slot: int) -> bool:
    """Tell whether the times of a slot stand in a chunk."""
    return bool(table[slot, _PLACE] >= 0)


@inner_kernel
def remember(table: NDArray[np.int64], slot: int, position: int, codec: int) -> None:
    """Note that the chunk at a byte position begins with the times of a slot, in a codec."""
    table[slot, _PLACE] = position
    table[slot, _CODEC] = codec


@inner_kernel
def pointer_word(table: NDArray[np.int64], slot: int, position: int) -> np.uint64:
    """Return the word that stands for the times of a slot in the chunk at a byte position."""
    distance = (position - table[slot, _PLACE]) >> 3
    return np.uint64(distance << 8 | table[slot, _CODEC])


@inner_kernel
def pointed_at(word: np.uint64) -> tuple[int, int]:
    """Return (bytes back, codec) of such a word."""
    return int(np.int64(word >> np.uint64(8)) << 3), int(np.int64(word & np.uint64(0xFF)))
