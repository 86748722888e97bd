"""Which of many codes, such as those of a label's values, any series of the head with samples in a range has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.head import (
    CHUNK_LINK,
    CHUNK_MAX,
    CHUNK_MIN,
    COUNT,
    FLAGS,
    HAS_SIDE,
    LAST_CHUNK,
    LAST_IN_SIDE,
    LAST_TIME,
    HeadArrays,
)
from bongsu.kernels.head_view import _open_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@kernel
def mark_used(
    head: HeadArrays,
    slots: NDArray[np.int64],
    codes: NDArray[np.int32],
    start_ms: int,
    end_ms: int,
    used: NDArray[np.uint8],
    unsure: NDArray[np.int64],
) -> int:
    """
    Mark the codes that any of some slots with samples in a closed range has.

    A code that is marked costs its other slots one look, and mostly the newest sample of a slot tells: so few values of many series
    are found in the time that a walk over the codes takes.

    Parameters
    ----------
    slots : ndarray of int64, shape (n_slots,)
    codes : ndarray of int32, shape (at least the highest slot + 1,)
        Code of each slot, negative where it has none.
    used : ndarray of uint8, shape (n_codes,)
        Set to 1 where a code is used; what is 1 already stays.
    unsure : ndarray of int64, shape (n_slots,)
        Takes the slots whose side buffers alone can tell.

    Returns
    -------
    int
        How many slots are unsure.
    """
    n = 0
    for i in range(len(slots)):
        code = codes[slots[i]]
        if code < 0 or used[code]:
            continue
        meta = head.meta[slots[i]]
        if meta[LAST_TIME] < start_ms:
            continue  # nothing is newer, side buffers included
        if meta[COUNT] > 0 and _has_samples(head, slots[i], start_ms, end_ms):
            used[code] = 1
        elif meta[FLAGS] & HAS_SIDE:
            unsure[n] = slots[i]
            n += 1
    return n


@inner_kernel
def _has_samples(head: HeadArrays, slot: int, start_ms: int, end_ms: int) -> bool:
    """Tell whether sealed or open samples of a slot may lie in a closed range."""
    meta = head.meta[slot]
    if not meta[FLAGS] & LAST_IN_SIDE and meta[LAST_TIME] >= start_ms and meta[LAST_TIME] <= end_ms:
        return True
    begin, stop = _open_range(head, slot, start_ms, end_ms)
    if stop > begin:
        return True
    chunk = meta[LAST_CHUNK]
    while chunk >= 0 and head.chunks[chunk, CHUNK_MAX] >= start_ms:
        if head.chunks[chunk, CHUNK_MIN] <= end_ms:
            return True
        chunk = head.chunks[chunk, CHUNK_LINK] >> 32
    return False
