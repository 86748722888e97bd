"""From series key to slot and back, without a Python object per series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head import SLOT_BITS, gather_bytes
from bongsu.kernels.identity import (
    EMPTY,
    HASH_HIGH,
    HASH_LOW,
    KEY_AT,
    KEY_SIZE,
    enter_slots,
    find_keys,
    hash_keys,
)
from bongsu.tsdb.arrays import grown, joined_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FIRST_TABLE = 64
_MAX_LOAD = 2
"""The table has at least this many entries per slot: probes stay short with linear probing."""


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
        self._free: list[int] = []
        self._table: NDArray[np.int32] = np.full(_FIRST_TABLE, EMPTY, dtype=np.int32)

    def find(self, keys: Sequence[bytes]) -> NDArray[np.int32]:
        """Return the slot of each key, `EMPTY` where there is none."""
        joined, bounds = joined_keys(tuple(keys))
        low, high = np.empty((2, len(keys)), dtype=np.int64)
        hash_keys(joined, bounds, low, high)
        slots = np.empty(len(keys), dtype=np.int32)
        find_keys(joined, bounds, low, high, self._table, self.identity, self.key_bytes, slots)
        return slots

    def reserve(self, count: int) -> NDArray[np.int64]:
        """Return references of `count` slots that nobody has had before."""
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = range(self.n_slots, self.n_slots + count - len(again))
        slots = np.array([*again, *fresh], dtype=np.int64)
        self._ensure(self.n_slots + len(fresh))
        self.generations[slots] += 1
        return self.generations[slots].astype(np.int64) << SLOT_BITS | slots

    def give_back(self, slots: Sequence[int]) -> None:
        """Free reserved slots that were not added, or whose series was removed."""
        self._free.extend(slots)

    def add(self, refs: NDArray[np.int64], keys: Sequence[bytes]) -> NDArray[np.int32]:
        """Enter distinct keys that are not in the table, under their references; return the slots."""
        slots = (refs & ((1 << SLOT_BITS) - 1)).astype(np.int32)
        self._ensure(int(slots.max(initial=-1)) + 1)
        self.generations[slots] = refs >> SLOT_BITS
        joined, bounds = joined_keys(tuple(keys))
        low, high = np.empty((2, len(keys)), dtype=np.int64)
        hash_keys(joined, bounds, low, high)
        used = self.key_bytes_used
        self.key_bytes = grown(self.key_bytes, used + len(joined))
        self.key_bytes[used : used + len(joined)] = joined
        self.identity[slots, HASH_LOW] = low
        self.identity[slots, HASH_HIGH] = high
        self.identity[slots, KEY_AT] = used + bounds[:-1]
        self.identity[slots, KEY_SIZE] = np.diff(bounds)
        self.key_bytes_used += len(joined)
        self.n_live += len(keys)
        self._make_room()
        enter_slots(self._table, self.identity, slots)
        return slots

    def remove(self, slots: NDArray[np.int64]) -> None:
        """Forget series, free their slots, and give back the memory of their keys."""
        live = self.live_slots()
        live = live[~np.isin(live, slots)]
        sizes = self.identity[live, KEY_SIZE]
        ends = np.cumsum(sizes)
        kept = np.empty(int(sizes.sum()) + 1024, dtype=np.uint8)
        gather_bytes(self.key_bytes, self.identity[live, KEY_AT], sizes, kept, ends - sizes)
        self.identity[live, KEY_AT] = ends - sizes
        self.key_bytes, self.key_bytes_used = kept, int(sizes.sum())
        self.n_live = len(live)
        self._table = np.full(_FIRST_TABLE, EMPTY, dtype=np.int32)
        self._make_room()
        enter_slots(self._table, self.identity, live)
        self.give_back(slots.tolist())

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
        self._free = np.flatnonzero(free).tolist()

    def _make_room(self) -> None:
        size = len(self._table)
        while self.n_live * _MAX_LOAD > size:
            size *= 2
        if size > len(self._table):
            live = self.live_slots()
            self._table = np.full(size, EMPTY, dtype=np.int32)
            enter_slots(self._table, self.identity, live)

    def key(self, slot: int) -> bytes:
        """Return the key of a slot."""
        start = int(self.identity[slot, KEY_AT])
        return self.key_bytes[start : start + int(self.identity[slot, KEY_SIZE])].tobytes()

    def _ensure(self, n_slots: int) -> None:
        self.identity = grown(self.identity, n_slots)
        self.generations = grown(self.generations, n_slots, fill=0)
        self.n_slots = max(self.n_slots, n_slots)
