"""From series key to slot and back, without a Python object per series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head import SLOT_BITS
from bongsu.kernels.identity import (
    EMPTY,
    HASH_HIGH,
    HASH_LOW,
    KEY_AT,
    KEY_SIZE,
    enter_slots,
    find_keys,
    first_of_keys,
)
from bongsu.tsdb.arrays import grown
from bongsu.tsdb.keys import Keys, keys_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_TABLE = 64
_MAX_LOAD = 2
"""The table has at least this many entries per slot: probes stay short with linear probing."""

_NO_SLOTS = np.empty(0, dtype=np.int64)


class SeriesTable:
    """
    The keys of a head's series by slot, and the slots that are free.

    Not safe for use from several threads; the database holds its lock.
    """

    def __init__(self) -> None:
        self.identity: NDArray[np.int64] = np.empty((16, 4), dtype=np.int64)
        self.generations: NDArray[np.int32] = np.zeros(16, dtype=np.int32)
        self.key_bytes: NDArray[np.uint8] = np.empty(1024, dtype=np.uint8)
        self.key_bytes_used = 0
        self.n_slots = 0
        self.n_live = 0
        self._free: NDArray[np.int64] = _NO_SLOTS
        self._table: NDArray[np.int32] = np.full(_FIRST_TABLE, EMPTY, dtype=np.int32)

    def find(self, keys: Keys) -> NDArray[np.int32]:
        """Return the slot of each key, `EMPTY` where there is none."""
        low, high = keys.hashes()
        slots = np.empty(len(keys), dtype=np.int32)
        find_keys(keys.data, keys.bounds, low, high, self._table, self.identity, self.key_bytes, slots)
        return slots

    def reserve(self, count: int) -> NDArray[np.int64]:
        """Return references of `count` slots that nobody has had before."""
        kept = max(len(self._free) - count, 0)
        again, self._free = self._free[kept:], self._free[:kept]
        fresh = np.arange(self.n_slots, self.n_slots + count - len(again))
        slots = np.concatenate((again, fresh))
        self._ensure(self.n_slots + len(fresh))
        self.generations[slots] += 1
        return self.generations[slots].astype(np.int64) << SLOT_BITS | slots

    def give_back(self, slots: NDArray[np.int64]) -> None:
        """Free reserved slots that were not added, or whose series was removed."""
        self._free = np.concatenate((self._free, slots))

    def add(self, refs: NDArray[np.int64], keys: Keys) -> NDArray[np.int64]:
        """Enter distinct keys that are not in the table, under their references; return the slots."""
        slots = refs & ((1 << SLOT_BITS) - 1)
        self._ensure(int(slots.max(initial=-1)) + 1)
        self.generations[slots] = refs >> SLOT_BITS
        low, high = keys.hashes()
        used, size = self.key_bytes_used, len(keys.data)
        self.key_bytes = grown(self.key_bytes, used + size)
        self.key_bytes[used : used + size] = keys.data
        self.identity[slots, HASH_LOW] = low
        self.identity[slots, HASH_HIGH] = high
        self.identity[slots, KEY_AT] = used + keys.bounds[:-1]
        self.identity[slots, KEY_SIZE] = keys.sizes
        self.key_bytes_used += size
        self.n_live += len(keys)
        self._make_room()
        enter_slots(self._table, self.identity, slots.astype(np.int32))
        return slots

    def remove(self, slots: NDArray[np.int64]) -> None:
        """Forget series, free their slots, and give back the memory of their keys."""
        live = self.live_slots()
        live = live[~np.isin(live, slots)]
        kept = self.keys(live)
        self.identity[live, KEY_AT] = kept.bounds[:-1]
        self.key_bytes, self.key_bytes_used = kept.data, len(kept.data)
        self.n_live = len(live)
        self._table = np.full(_FIRST_TABLE, EMPTY, dtype=np.int32)
        self._make_room()
        enter_slots(self._table, self.identity, live)
        self.give_back(slots)

    def restore_generations(self, generations: NDArray[np.int32]) -> None:
        """Let no slot give a reference that it gave before."""
        self._ensure(len(generations))
        self.generations[: len(generations)] = np.maximum(self.generations[: len(generations)], generations)

    def live_slots(self) -> NDArray[np.int32]:
        """Return the slots that hold a series, in no particular order."""
        live: NDArray[np.int32] = self._table[self._table != EMPTY]
        return live

    def find_free_slots(self) -> None:
        """Count every slot without a series as free; for the end of a replay, when nothing is reserved."""
        free = np.ones(self.n_slots, dtype=np.bool_)
        free[self.live_slots()] = False
        self._free = np.flatnonzero(free)

    def keys(self, slots: NDArray[np.int32]) -> Keys:
        """Return the keys of slots."""
        return keys_at(self.key_bytes, self.identity[slots, KEY_AT], self.identity[slots, KEY_SIZE])

    def key(self, slot: int) -> bytes:
        """Return the key of a slot."""
        start = int(self.identity[slot, KEY_AT])
        return self.key_bytes[start : start + int(self.identity[slot, KEY_SIZE])].tobytes()

    def _make_room(self) -> None:
        size = len(self._table)
        while self.n_live * _MAX_LOAD > size:
            size *= 2
        if size > len(self._table):
            live = self.live_slots()
            self._table = np.full(size, EMPTY, dtype=np.int32)
            enter_slots(self._table, self.identity, live)

    def _ensure(self, n_slots: int) -> None:
        self.identity = grown(self.identity, n_slots)
        self.generations = grown(self.generations, n_slots, fill=0)
        self.n_slots = max(self.n_slots, n_slots)


def first_of_equal(keys: Keys) -> NDArray[np.int64]:
    """Return, for each key, the row of the first one that is equal."""
    size = _FIRST_TABLE
    while size < _MAX_LOAD * len(keys):
        size *= 2
    first = np.empty(len(keys), dtype=np.int64)
    first_of_keys(keys.data, keys.bounds, keys.hashes()[0], np.full(size, EMPTY, dtype=np.int32), first)
    return first
