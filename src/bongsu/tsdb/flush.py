"""
Old samples of a head on their way into blocks.

A flush begins under the database's lock, writes for as long as it takes with the lock held for moments only, a slice of the series at a
time, and ends under the lock: then readers find in blocks what they found in the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.identity import HASH_HIGH, HASH_LOW
from bongsu.tsdb.arenas import NO_TIME
from bongsu.tsdb.dropping import Dropping
from bongsu.tsdb.selection import SelectedPart, TsdbSelection

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.tsdb.block import Block
    from bongsu.tsdb.head import Head
    from bongsu.tsdb.state import State

_MOST_SPANS = 48
"""Most blocks that one flush writes: four days of two hours."""

_SLICE_SERIES = 1 << 16
"""Series read from the head at a time: some tens of megabytes, and the lock is held for a few hundredths of a second."""


class HeadRows:
    """The series of a flush with their samples in a range: what a block is written from."""

    def __init__(
        self,
        head: Head,
        lock: threading.Lock,
        slots: NDArray[np.int64],
        labels: LabelColumns,
        bounds: tuple[int, int],
    ) -> None:
        self._head = head
        self._lock = lock
        self._slots = slots
        self._bounds = bounds
        self.labels = labels
        self.identity: NDArray[np.int64] = head.series.identity[slots][:, [HASH_LOW, HASH_HIGH]]

    def slices(self) -> Iterator[TsdbSelection]:
        """Yield the series slice by slice, in order."""
        for low in range(0, len(self._slots), _SLICE_SERIES):
            rows = np.arange(low, min(low + _SLICE_SERIES, len(self._slots)))
            with self._lock:
                part = self._head.snapshot(self._slots[rows], *self._bounds)
            selected = SelectedPart(self.labels.take(rows), self.identity[rows], part)
            with TsdbSelection([selected], *self._bounds) as selection:
                yield selection


class Flush:
    """
    One flush of the samples before a time; the database's lock is held where it is made, and for `end` and `abandon`.

    Until then no sample before that time enters open rows, and no deletion is applied; late ones that come meanwhile stay in the head,
    whether or not they are in a block as well.
    """

    def __init__(
        self,
        state: State,
        lock: threading.Lock,
        *,
        oldest_ms: int,
        floor_ms: int,
        span_ms: int,
        sequence: int,
    ) -> None:
        head = state.head
        self._state = state
        self._lock = lock
        self._floor = floor_ms
        self._sequence = sequence
        self._frozen = head.begin_flush(floor_ms)
        self._slots = head.with_samples(head.series.live_slots().astype(np.int64), NO_TIME, floor_ms - 1)
        self._labels = head.index.columns(self._slots)
        self._spans = _spans(head, self._slots, oldest_ms, floor_ms, span_ms)
        self._added: list[Block] = []
        self._dropping: Dropping | None = None

    def write(self) -> None:
        """Write the blocks, and copy what stays in the head; the lock is free."""
        for bounds in self._spans:
            rows = HeadRows(self._state.head, self._lock, self._slots, self._labels, bounds)
            block = self._state.shelf.add(rows, bounds, sequence=self._sequence)
            if block is not None:
                self._added.append(block)
        with self._lock:
            self._dropping = Dropping(self._state.head.arenas, self._floor)
        self._dropping.copy()

    def abandon(self) -> None:
        """Go on as if nothing had happened."""
        for block in self._added:
            block.remove()
        self._state.head.end_flush()

    def end(self) -> None:
        """Put the blocks in the place of the head's samples, and let go of series that ended."""
        head = self._state.head
        self._state.shelf.replace([], self._added)
        if self._dropping is None:
            raise AssertionError("BUG: a flush ended that was not written")
        self._dropping.end()
        head.drop_side(self._frozen)
        head.remove_series(head.ended_slots(self._floor))


def _spans(
    head: Head, slots: NDArray[np.int64], oldest_ms: int, floor_ms: int, span_ms: int
) -> list[tuple[int, int]]:
    """
    Return the closed ranges, aligned and before a time, that blocks are to be written for.

    They are doubled until they are few: a backfill of years must not become thousands of blocks.
    """
    while (floor_ms - oldest_ms) // span_ms > _MOST_SPANS:
        span_ms *= 2
    starts = range(oldest_ms // span_ms * span_ms, floor_ms, span_ms)
    spans = [(start, min(start + span_ms, floor_ms) - 1) for start in starts]
    return [span for span in spans if len(head.with_samples(slots, *span))]
