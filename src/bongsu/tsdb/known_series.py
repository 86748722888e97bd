"""
Which series match, over blocks and the head, as it was found lately.

A block never changes, and the head's index gives the same array of members until its series change: while both are the same, so is
what was made of them, their common labels included. Dashboards and rules ask the same again and again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from bongsu.tsdb.selection import merge_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.tsdb.block import Block, BlockMeta

_LARGEST_ROWS, _MOST_ROWS = 25_000, 100_000
"""Series of the largest selection that is known, and of all: with ten labels and what is derived of them, 300 bytes each: 30 MB."""


class BlockRows(NamedTuple):
    """Rows of a block, and the series of the selection that they are of; shapes (n_rows,)."""

    rows: NDArray[np.int64]
    to: NDArray[np.int64]


class KnownSeries(NamedTuple):
    """
    The matching series, with or without samples in a range of time.

    Attributes
    ----------
    blocks
        What each block has of them.
    head : ndarray of int64, shape (n_members,)
        The series of each member of the head.
    """

    labels: LabelColumns
    blocks: tuple[BlockRows, ...]
    head: NDArray[np.int64]


class _Entry(NamedTuple):
    blocks: tuple[BlockMeta, ...]
    members: NDArray[np.int64]
    series: KnownSeries


class SeriesMemory:
    """Remembers the matching series of matchers; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[Matcher, ...], _Entry] = OrderedDict()
        self._rows = 0

    def find(
        self, matchers: Sequence[Matcher], blocks: Sequence[Block], members: NDArray[np.int64]
    ) -> KnownSeries | None:
        """
        Return the matching series of some blocks and the head, None if they are not known.

        Parameters
        ----------
        members
            The very array that the head's index gave for the matchers.
        """
        key = tuple(matchers)
        entry = self._entries.get(key)
        if entry is None or entry.members is not members or len(entry.blocks) != len(blocks):
            return None
        # What a block says of itself is read once, when it is opened, and keeps no file mapped that is gone.
        if not all(block.meta is meta for block, meta in zip(blocks, entry.blocks, strict=True)):
            return None
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
        return entry.series

    def learn(
        self,
        matchers: Sequence[Matcher],
        blocks: Sequence[Block],
        members: NDArray[np.int64],
        labels: LabelColumns,
        identity: NDArray[np.int64],
    ) -> KnownSeries | None:
        """
        Find the matching series and remember them; None if they are too many.

        Parameters
        ----------
        members, labels, identity
            What the head has; identity as in `bongsu.tsdb.selection.SelectedPart`.
        """
        rows = [block.match(matchers) for block in blocks]
        if sum(map(len, rows)) + len(members) > _LARGEST_ROWS * (len(blocks) + 1):
            return None
        of_blocks = [
            (block.labels(own), block.identity[own]) for block, own in zip(blocks, rows, strict=True)
        ]
        places, together, _ = merge_rows([*of_blocks, (labels, identity)])
        if len(together) > _LARGEST_ROWS:
            return None
        found = KnownSeries(together, tuple(map(BlockRows, rows, places[:-1])), places[-1])
        self._keep(tuple(matchers), _Entry(tuple(block.meta for block in blocks), members, found))
        return found

    def _keep(self, key: tuple[Matcher, ...], entry: _Entry) -> None:
        with self._lock:
            before = self._entries.pop(key, None)
            self._entries[key] = entry
            self._rows += len(entry.series.labels) - (0 if before is None else len(before.series.labels))
            while self._rows > _MOST_ROWS:
                self._rows -= len(self._entries.popitem(last=False)[1].series.labels)
