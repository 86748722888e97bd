"""Which store reference belongs to label bytes that were met before: one table per project, by hash."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.known_writes import read_known
from bongsu.kernels.known_writes_2 import read_known_2
from bongsu.kernels.remote_write import find_series, insert_series
from bongsu.wire.remote_write.request import Version

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_CAPACITY = 1 << 10
_MAX_CAPACITY = 1 << 22
"""Slots of the largest table, half of which may be used: two million series, 128 MB. A full table starts anew."""

_LEAST_SAMPLE_BYTES = 8
"""A sample whose value is zero, and so left out, with a time of these years: two bytes of head, one of a tag, six of the time."""

_LEAST_SYMBOL_BYTES = 4
"""A symbol of two letters; a request of many shorter ones is read in full."""


class _Slots(NamedTuple):
    """The arrays of a table, of one length; replaced together, so that who reads without the lock never has two of different lengths."""

    hashes: NDArray[np.uint64]
    refs: NDArray[np.int64]
    metadata: NDArray[np.uint64]

    @classmethod
    def of(cls, capacity: int) -> _Slots:
        return cls(
            np.zeros((capacity, 2), dtype=np.uint64),
            np.zeros(capacity, dtype=np.int64),
            np.zeros(capacity, dtype=np.uint64),
        )


class SeriesTable:
    """An open-addressed hash table in arrays: 32 bytes a slot, no Python object per series. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        # Odd while the table changes: who reads without the lock goes by it, before and after.
        self._version = 0
        self._slots = _Slots.of(_FIRST_CAPACITY)

    def find(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """
        Return what is known of series.

        Parameters
        ----------
        hashes : ndarray of uint64, shape (n, 2)

        Returns
        -------
        refs : ndarray of int64, shape (n,)
            Reference of each, -1 where it is not known.
        metadata : ndarray of uint64, shape (n,)
            Hash of the metadata that came with it last, 0 where none did.
        """
        found = np.empty(len(hashes), dtype=np.int64)
        with self._lock:
            slots = self._slots
            find_series(hashes, slots.hashes, found)
            known = found >= 0
            return np.where(known, slots.refs[found], -1), np.where(known, slots.metadata[found], 0).astype(
                np.uint64
            )

    def read_known(
        self, data: NDArray[np.uint8], version: Version, seeds: NDArray[np.uint64]
    ) -> NDArray[np.int64] | None:
        """
        Return references, times, value bits and starts (0 for none) of a request whose series are all known, as rows; None for any other.

        The lock is not held: a request that was read while the table changed is given back.
        """
        state = self._version
        if state & 1:
            return None
        slots = self._slots
        samples = np.empty((4, len(data) // _LEAST_SAMPLE_BYTES + 1), dtype=np.int64)
        if version is Version.V1:
            count = int(read_known(data, seeds, slots.hashes, slots.refs, samples))
        else:
            symbols = np.empty((len(data) // _LEAST_SYMBOL_BYTES + 1, 2), dtype=np.uint64)
            count = int(read_known_2(data, seeds, *slots, symbols, samples))
        return samples[:, :count] if count > 0 and state == self._version else None

    def put(self, hashes: NDArray[np.uint64], refs: NDArray[np.int64], metadata: NDArray[np.uint64]) -> None:
        """Keep references and metadata hashes of series; shapes as `find`."""
        if not len(hashes):
            return
        with self._lock:
            self._version += 1
            try:
                self._make_room(len(hashes))
                self._insert(hashes, refs, metadata)
            finally:
                self._version += 1

    def __len__(self) -> int:
        return self._used

    def _make_room(self, more: int) -> None:
        # Half full at most: probes stay short, and a free slot always ends them.
        needed = 2 * (self._used + more)
        capacity = len(self._slots.refs)
        if needed <= capacity:
            return
        while capacity < needed:
            capacity *= 2
        if capacity > _MAX_CAPACITY and self._used:
            self._reset(_FIRST_CAPACITY)
            self._make_room(more)
            return
        before = self._slots
        used = before.hashes.any(axis=1)
        self._reset(capacity)
        self._insert(before.hashes[used], before.refs[used], before.metadata[used])

    def _insert(
        self, hashes: NDArray[np.uint64], refs: NDArray[np.int64], metadata: NDArray[np.uint64]
    ) -> None:
        slots = np.empty(len(hashes), dtype=np.int64)
        self._used += int(insert_series(hashes, refs, self._slots.hashes, self._slots.refs, slots))
        self._slots.metadata[slots] = metadata

    def _reset(self, capacity: int) -> None:
        self._slots = _Slots.of(capacity)
        self._used = 0
