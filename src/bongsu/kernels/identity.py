"""
Which series is this: hashing of series keys and an open-addressing table from key to slot, without a Python object per series.

The hash is MurmurHash3_x64_128 (Austin Appleby, public domain), seed 0: stable, since blocks store it. A hit is always checked
against the key's bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASH_LOW, HASH_HIGH, KEY_AT, KEY_SIZE = 0, 1, 2, 3
"""Columns of the identity array, shape (n_slots, 4): both hash halves, and where the key's bytes are."""

EMPTY = -1
"""Table entry that holds no slot."""

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)


@kernel
def hash_keys(
    keys: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    out_low: NDArray[np.int64],
    out_high: NDArray[np.int64],
) -> None:
    """Write both halves of the hash of each key; key *i* is ``keys[bounds[i]:bounds[i + 1]]``."""
    for i in range(len(bounds) - 1):
        low, high = _murmur(keys, bounds[i], bounds[i + 1])
        out_low[i] = np.int64(low)
        out_high[i] = np.int64(high)


@kernel
def find_keys(
    keys: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    table: NDArray[np.int32],
    identity: NDArray[np.int64],
    key_bytes: NDArray[np.uint8],
    out_slots: NDArray[np.int32],
) -> None:
    """Write the slot of each key, or `EMPTY`. The table's length is a power of two and it is never full."""
    mask = len(table) - 1
    for i in range(len(bounds) - 1):
        at = low[i] & mask
        size = bounds[i + 1] - bounds[i]
        found = EMPTY
        while table[at] != EMPTY:
            slot = table[at]
            if (
                identity[slot, HASH_LOW] == low[i]
                and identity[slot, HASH_HIGH] == high[i]
                and identity[slot, KEY_SIZE] == size
            ):
                same = True
                start = identity[slot, KEY_AT]
                for b in range(size):
                    if key_bytes[start + b] != keys[bounds[i] + b]:
                        same = False
                        break
                if same:
                    found = slot
                    break
            at = (at + 1) & mask
        out_slots[i] = found


@kernel
def enter_slots(table: NDArray[np.int32], identity: NDArray[np.int64], slots: NDArray[np.int32]) -> None:
    """Enter slots whose identity is written and whose keys the table does not hold."""
    mask = len(table) - 1
    for slot in slots:
        at = identity[slot, HASH_LOW] & mask
        while table[at] != EMPTY:
            at = (at + 1) & mask
        table[at] = slot


@kernel
def first_of_keys(
    keys: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    low: NDArray[np.int64],
    table: NDArray[np.int32],
    out_first: NDArray[np.int64],
) -> None:
    """Write, for each key, the first key that has the same bytes; the table is empty and twice as long as there are keys."""
    mask = len(table) - 1
    for i in range(len(bounds) - 1):
        at = low[i] & mask
        size = bounds[i + 1] - bounds[i]
        out_first[i] = i
        while table[at] != EMPTY:
            other = table[at]
            same = low[other] == low[i] and bounds[other + 1] - bounds[other] == size
            for b in range(size if same else 0):
                same = same and keys[bounds[other] + b] == keys[bounds[i] + b]
            if same:
                out_first[i] = other
                break
            at = (at + 1) & mask
        if out_first[i] == i:
            table[at] = i


@kernel
def gather_bytes(
    source: NDArray[np.uint8],
    source_at: NDArray[np.int64],
    sizes: NDArray[np.int64],
    target: NDArray[np.uint8],
    target_at: NDArray[np.int64],
) -> None:
    """Copy pieces of `source` into `target`."""
    for i in range(len(sizes)):
        for k in range(sizes[i]):
            target[target_at[i] + k] = source[source_at[i] + k]


@inner_kernel
def _rotate(x: np.uint64, bits: int) -> np.uint64:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@inner_kernel
def _finish(x: np.uint64) -> np.uint64:
    x ^= x >> np.uint64(33)
    x *= _M1
    x ^= x >> np.uint64(33)
    x *= _M2
    return x ^ (x >> np.uint64(33))


@inner_kernel
def _word(data: NDArray[np.uint8], start: int, stop: int) -> np.uint64:
    """Return up to eight bytes as a little-endian number."""
    word = np.uint64(0)
    for i in range(start, stop):
        word |= np.uint64(data[i]) << np.uint64(8 * (i - start))
    return word


@inner_kernel
def _murmur(data: NDArray[np.uint8], start: int, stop: int) -> tuple[np.uint64, np.uint64]:
    h1 = np.uint64(0)
    h2 = np.uint64(0)
    at = start
    while at + 16 <= stop:
        h1 ^= _rotate(_word(data, at, at + 8) * _C1, 31) * _C2
        h1 = (_rotate(h1, 27) + h2) * np.uint64(5) + np.uint64(0x52DCE729)
        h2 ^= _rotate(_word(data, at + 8, at + 16) * _C2, 33) * _C1
        h2 = (_rotate(h2, 31) + h1) * np.uint64(5) + np.uint64(0x38495AB5)
        at += 16
    if at + 8 < stop:
        h2 ^= _rotate(_word(data, at + 8, stop) * _C2, 33) * _C1
    if at < stop:
        h1 ^= _rotate(_word(data, at, min(at + 8, stop)) * _C1, 31) * _C2
    size = np.uint64(stop - start)
    h1 ^= size
    h2 ^= size
    h1 += h2
    h2 += h1
    h1 = _finish(h1)
    h2 = _finish(h2)
    h1 += h2
    h2 += h1
    return h1, h2


def warm() -> None:
    """Compile for the types that are called with."""
    data, none, small = np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    identity, bounds = np.zeros((1, 4), dtype=np.int64), np.zeros(1, dtype=np.int64)
    hash_keys(data, bounds, none, none)
    find_keys(data, bounds, none, none, small, identity, data, small)
    enter_slots(small, identity, small)
    first_of_keys(data, bounds, none, small, none)
    gather_bytes(data, none, none, data, none)
