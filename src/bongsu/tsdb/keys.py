"""Many series keys as two arrays: what kernels take, without a Python object per key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.identity import gather_bytes, hash_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Keys:
    """
    Series keys one after another.

    Attributes
    ----------
    data : ndarray of uint8
    bounds : ndarray of int64, shape (n_keys + 1,)
        Key *i* is ``data[bounds[i]:bounds[i + 1]]``.
    """

    data: NDArray[np.uint8]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each key."""
        return np.diff(self.bounds)

    def key(self, row: int) -> bytes:
        """Return one key."""
        return self.data[self.bounds[row] : self.bounds[row + 1]].tobytes()

    def take(self, rows: NDArray[np.int64]) -> Keys:
        """Return some keys, themselves when they are all."""
        if len(rows) == len(self) and (len(rows) == 0 or bool((np.diff(rows) == 1).all())):
            return self
        return keys_at(self.data, self.bounds[rows], self.bounds[rows + 1] - self.bounds[rows])

    def hashes(self) -> NDArray[np.int64]:
        """Return both halves of the hash of each key, shape (2, n_keys)."""
        halves = np.empty((2, len(self)), dtype=np.int64)
        hash_keys(self.data, self.bounds, halves[0], halves[1])
        return halves


def join_keys(keys: Sequence[bytes]) -> Keys:
    """Return a sequence of keys as arrays."""
    bounds = np.zeros(len(keys) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, keys), dtype=np.int64, count=len(keys)), out=bounds[1:])
    # A bytearray, since kernels are compiled for arrays that may be written to, and again for those that may not.
    return Keys(np.frombuffer(bytearray().join(keys), dtype=np.uint8), bounds)


def keys_at(data: NDArray[np.uint8], places: NDArray[np.int64], sizes: NDArray[np.int64]) -> Keys:
    """Return a copy of the keys that are at some places."""
    bounds = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
    gathered = np.empty(int(bounds[-1]), dtype=np.uint8)
    # Contiguous, the one form that the kernel is compiled for: columns of a table are not.
    gather_bytes(data, np.ascontiguousarray(places), np.ascontiguousarray(sizes), gathered, bounds[:-1])
    return Keys(gathered, bounds)
