"""What the head has of some series, where late samples don't count: all that most queries of a dashboard are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head_view import DONE, NEEDS_MERGING, view_slots
from bongsu.tsdb.tidy import ChunkArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.tsdb.head import Head

_CHUNKS_A_SERIES, _WORDS_A_SERIES = 6, 128
"""Room that an hour of samples every 15 s takes, most of the open row included; what needs more is asked for twice."""

_MOST_GUESSED = 4096
"""Series up to which room is guessed: beyond, two looks cost less than memory that is not needed."""


def chunks_in_head(head: Head, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> ChunkArrays | None:
    """
    Return the chunks of the series of some slots in a closed range; None where they alone do not tell all that there is.

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
        used, room, words = needs.tolist()
        if outcome == DONE:
            break
    return ChunkArrays(rows[0], used, rows[1, :n], wide, narrow, (arrays.arena, opened))
