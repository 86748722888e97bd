"""Selections of series that lie in the head alone, without late samples: what most queries of a dashboard are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from bongsu.kernels.head_view import DONE, NEEDS_MERGING, view_slots
from bongsu.storage.contract import ChunkView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.tsdb.head import Head

_CHUNKS_A_SERIES, _WORDS_A_SERIES = 6, 128
"""Room that an hour of samples every 15 s takes, most of the open row included; what needs more is asked for twice."""

_MOST_GUESSED = 4096
"""Series up to which room is guessed: beyond, two looks cost less than memory that is not needed."""


class HeadSelection:
    """
    The series that matched, frozen as they are in the head's arenas.

    Parameters
    ----------
    first : ndarray of int64, shape (n_series + 1,)
        Where the chunks of each series begin.
    owners
        What keeps the memory behind the addresses alive.
    """

    def __init__(
        self,
        labels: LabelColumns,
        first: NDArray[np.int64],
        sample_counts: NDArray[np.int64],
        wide: NDArray[np.int64],
        narrow: NDArray[np.uint8],
        owners: tuple[object, ...],
    ) -> None:
        self.labels = labels
        self.sample_counts = sample_counts
        self._first = first
        self._view = _view(first, wide, narrow, owners)
        self._wide, self._narrow, self._owners = wide, narrow, owners

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return the chunks of a range of rows."""
        if start_row == 0 and stop_row == len(self._first) - 1:
            return self._view
        first, stop = int(self._first[start_row]), int(self._first[stop_row])
        return _view(
            self._first[start_row : stop_row + 1] - first,
            self._wide[:, first:stop],
            self._narrow[:, first:stop],
            self._owners,
        )

    def close(self) -> None:
        """Do nothing: memory goes when nobody has a view of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def select_in_head(
    head: Head, slots: NDArray[np.int64], labels: LabelColumns, start_ms: int, end_ms: int
) -> HeadSelection | None:
    """
    Return the series of some slots with samples in a closed range; None where chunks alone do not tell all that there is.

    Called with the database's lock held; what it returns is independent of it.
    """
    n, arrays, sides_are_aside = len(slots), head.arrays, not len(head.side)
    needs = np.empty(3, dtype=np.int64)
    rows = np.empty((2, n + 1), dtype=np.int64)
    guessed = min(n, _MOST_GUESSED)
    room, words = _CHUNKS_A_SERIES * guessed, _WORDS_A_SERIES * guessed
    while True:
        wide, narrow = np.empty((4, room), dtype=np.int64), np.empty((3, room), dtype=np.uint8)
        opened = np.empty(words, dtype=np.int64)
        outcome = view_slots(
            arrays, slots, start_ms, end_ms, sides_are_aside, rows, wide, narrow, opened, needs
        )
        if outcome == NEEDS_MERGING:
            sides_are_aside = head.sides_are_aside(slots, start_ms, end_ms)
            if not sides_are_aside:
                return None
            continue
        used_rows, room, words = needs.tolist()
        if outcome == DONE:
            break
    first, counts = rows[0], rows[1, :n]
    if used_rows < n:
        used = np.flatnonzero(first[1:] > first[:-1])
        labels, counts, first = labels.take(used), counts[used], np.append(first[used], room)
    return HeadSelection(labels, first, counts, wide[:, :room], narrow[:, :room], (arrays.arena, opened))


def _view(
    first: NDArray[np.int64], wide: NDArray[np.int64], narrow: NDArray[np.uint8], owners: tuple[object, ...]
) -> ChunkView:
    address, count, min_time, max_time = wide
    kind, codec, flags = narrow
    return ChunkView(first, kind, codec, flags, address, count, min_time, max_time, owners)
