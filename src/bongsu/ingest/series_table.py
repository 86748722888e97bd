"""Which store reference belongs to label bytes that were met before: one table per project, by hash."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.known_writes import read_known
from bongsu.kernels.remote_write import find_series, insert_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_CAPACITY = 1 << 10
_MAX_CAPACITY = 1 << 22
"""Slots of the largest table, half of which may be used: two million series, 128 MB. A full table starts anew."""

_LEAST_SAMPLE_BYTES = 8
"""A sample whose value is zero, and so left out, with a time of these years: two bytes of head, one of a tag, six of the time."""


class SeriesTable:
    """An open-addressed hash table in arrays: 32 bytes a slot, no Python object per series. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        # Odd while the table changes: who reads without the lock goes by it, before and after.
        self._version = 0
        self._reset(_FIRST_CAPACITY)

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
        slots = np.empty(len(hashes), dtype=np.int64)
        with self._lock:
            find_series(hashes, self._hashes, slots)
            known = slots >= 0
            return np.where(known, self._refs[slots], -1), np.where(known, self._metadata[slots], 0).astype(
                np.uint64
            )

    def read_known(self, data: NDArray[np.uint8], seeds: NDArray[np.uint64]) -> NDArray[np.int64] | None:
        """
        Return references, times and value bits of a 1.0 request whose series are all known, as rows; None for any other.

        The lock is not held: a request that was read while the table changed is given back.
        """
        version = self._version
        if version & 1:
            return None
        samples = np.empty((3, len(data) // _LEAST_SAMPLE_BYTES + 1), dtype=np.int64)
        count = int(read_known(data, seeds, self._hashes, self._refs, samples))
        return samples[:, :count] if count > 0 and version == self._version else None

    def put(self, hashes: NDArray[np.uint64], refs: NDArray[np.int64], metadata: NDArray[np.uint64]) -> None:
        """Keep references and metadata hashes of series; shapes as `find`."""
        if not len(hashes):
            return
        slots = np.empty(len(hashes), dtype=np.int64)
        with self._lock:
            self._version += 1
            try:
                self._make_room(len(hashes))
                self._used += int(insert_series(hashes, refs, self._hashes, self._refs, slots))
                self._metadata[slots] = metadata
            finally:
                self._version += 1

    def __len__(self) -> int:
        return self._used

    def _make_room(self, more: int) -> None:
        # Half full at most: probes stay short, and a free slot always ends them.
        needed = 2 * (self._used + more)
        capacity = len(self._refs)
        if needed <= capacity:
            return
        while capacity < needed:
            capacity *= 2
        if capacity > _MAX_CAPACITY and self._used:
            self._reset(_FIRST_CAPACITY)
            self._make_room(more)
            return
        used = self._hashes.any(axis=1)
        hashes, refs, metadata = self._hashes[used], self._refs[used], self._metadata[used]
        self._reset(capacity)
        slots = np.empty(len(hashes), dtype=np.int64)
        self._used = int(insert_series(hashes, refs, self._hashes, self._refs, slots))
        self._metadata[slots] = metadata

    def _reset(self, capacity: int) -> None:
        self._hashes = np.zeros((capacity, 2), dtype=np.uint64)
        self._refs = np.zeros(capacity, dtype=np.int64)
        self._metadata = np.zeros(capacity, dtype=np.uint64)
        self._used = 0
