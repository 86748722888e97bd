"""
Old samples leave the arenas of a head, and memory comes back.

The chunks that stay are copied while others go on with the head: chunks never change once they are sealed. The database's lock is held to
look at the head in the beginning, and in the end to copy the few chunks that were sealed meanwhile and to put the new arenas in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head import (
    ARENA_USED,
    CHUNK_LINK,
    CHUNK_MAX,
    CHUNK_MIN,
    KEPT_NEWEST,
    LAST_CHUNK,
    N_CHUNKS,
    REF,
    copy_sealed,
    drop_before,
)
from bongsu.tsdb.arenas import NO_TIME
from bongsu.tsdb.arrays import grown
from bongsu.tsdb.runs import cut_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.kernels.head import HeadArrays
    from bongsu.tsdb.arenas import Arenas

_SPARE_CHUNKS, _SPARE_BYTES = 1 << 12, 1 << 20
"""Room for what is sealed meanwhile, so that the arenas need not be copied once more; memory that is not touched costs nothing."""


class Dropping:
    """
    One removal of the samples before a time; upkeep alone removes, so that there is one at a time, and no series leaves meanwhile.

    The lock is held where it is made, and for `end`.
    """

    def __init__(self, arenas: Arenas, floor_ms: int) -> None:
        self._arenas = arenas
        self._floor = floor_ms
        self._old = arenas.arrays
        self._n_copied = int(arenas.arrays.cursor[N_CHUNKS])
        self._newest = _newest_chunks(arenas.arrays)
        self._new = arenas.arrays._replace(
            chunks=np.empty((0, 4), dtype=np.int64),
            arena=np.empty(0, dtype=np.uint8),
            cursor=np.array([0, 0, NO_TIME], dtype=np.int64),
        )
        self._kept = np.zeros((len(self._newest), 3), dtype=np.int64)
        self._kept[:, KEPT_NEWEST] = -1

    def copy(self) -> None:
        """Copy the chunks that stay; the lock is free."""
        self._copy(self._old, self._newest, 0, self._n_copied)

    def end(self) -> None:
        """Put the new arenas in place, and forget what is older in open rows."""
        now = self._arenas.arrays
        newest = _newest_chunks(now)
        # Series that came meanwhile have nothing in the new arenas yet.
        none = np.zeros((len(newest) - len(self._kept), 3), dtype=np.int64)
        none[:, KEPT_NEWEST] = -1
        self._kept = np.concatenate((self._kept, none))
        self._new = now._replace(chunks=self._new.chunks, arena=self._new.arena, cursor=self._new.cursor)
        self._copy(now, newest, self._n_copied, int(now.cursor[N_CHUNKS]))
        drop_before(self._new, self._floor, self._kept)
        self._arenas.arrays = self._new

    def _copy(self, old: HeadArrays, newest: NDArray[np.int64], first: int, stop: int) -> None:
        """Copy those of the chunks from `first` on that stay."""
        chunks = old.chunks[first:stop]
        stays = chunks[:, CHUNK_MAX] >= self._floor
        run_through = np.flatnonzero(stays & (chunks[:, CHUNK_MIN] < self._floor))
        cut = np.full(len(chunks), -1, dtype=np.int64)
        cut[run_through] = np.arange(len(run_through))
        data, entries = cut_chunks(old.arena, chunks[run_through], self._floor)
        used, n_chunks = int(self._new.cursor[ARENA_USED]), int(self._new.cursor[N_CHUNKS])
        self._new = self._new._replace(
            chunks=grown(self._new.chunks, n_chunks + int(stays.sum()) + _SPARE_CHUNKS),
            arena=grown(self._new.arena, used + _bytes_of(chunks[stays]) + len(data) + _SPARE_BYTES),
        )
        copy_sealed(self._new, old, newest, first, self._floor, cut, entries, data, self._kept)


def _newest_chunks(arrays: HeadArrays) -> NDArray[np.int64]:
    return np.where(arrays.meta[:, REF] >= 0, arrays.meta[:, LAST_CHUNK], -1)


def _bytes_of(chunks: NDArray[np.int64]) -> int:
    return 8 * int((chunks[:, CHUNK_LINK] & 0xFFFF).sum())
