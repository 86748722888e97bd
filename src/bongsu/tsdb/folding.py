"""
Folding: the chunks of a series in the head joined into long ones, its late samples among them.

An open row is sealed every 64 samples, and each such chunk has heads and a directory entry of its own; a late sample costs 44 bytes.
What queries find does not change by it, so nothing is logged. Done in slices, each under the database's lock for some hundredths of a
second; the caller keeps flushes away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.chunks import ENTRY_SAMPLES, decode_chunks
from bongsu.kernels.head import COUNT, FLAGS, LAST_BITS, LAST_IN_SIDE, LAST_TIME, N_CHUNKS, OPEN, OPEN_SAMPLES
from bongsu.tsdb.arenas import NO_TIME
from bongsu.tsdb.dropping import Dropping
from bongsu.tsdb.merging import PART, Untidy
from bongsu.tsdb.side import FloatColumns

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bongsu.tsdb.head import Head
    from bongsu.tsdb.parts import Part

MANY_LATE = 1_000_000
"""So many late samples, some 44 MB, are worth folding, and blocks of their own if they are old enough."""

_MANY_CHUNKS = 4
"""Chunks a series, on average, that are worth a fold of all: an hour at 15 s. With six a series takes 300 bytes more after two hours."""

_FEW_SERIES = 1_000
"""Heads of so few series are not worth the trouble until they have many chunks each."""

_FEWEST_CHUNKS = 4
"""A series with fewer stays as it is: little would be won."""

_SLICE_SAMPLES = 200_000
"""Samples folded at a time: the lock is held for about a hundredth of a second."""

_EVER = (-(1 << 63), (1 << 63) - 1)


def is_worthwhile(head: Head) -> bool:
    """Tell whether the head has gathered enough short chunks or late samples since the last fold; the lock is held."""
    n_chunks, n_late = _gathered(head)
    chunks_left, late_left = head.left_by_fold
    many_chunks = _MANY_CHUNKS * (head.series.n_live + _FEW_SERIES)
    return n_late - late_left >= MANY_LATE or n_chunks - chunks_left > many_chunks


def _gathered(head: Head) -> tuple[int, int]:
    return int(head.arrays.cursor[N_CHUNKS]), len(head.side)


def fold(head: Head, lock: threading.Lock) -> None:
    """Fold what is worth it, and give back the memory; the lock is free."""
    with lock:
        slots = _foldable(head)
        sizes = head.arrays.meta[slots, COUNT] + head.side.count(slots)
    for low, high in _slices(sizes):
        with lock:
            _fold_slots(head, slots[low:high])
    if len(slots):
        with lock:
            head.side.tidy()
            dropping = Dropping(head.arenas, NO_TIME)
        dropping.copy()
        with lock:
            dropping.end()
    with lock:
        head.left_by_fold = _gathered(head)


def _foldable(head: Head) -> NDArray[np.int64]:
    """Return the slots with many short chunks or with late floats; those with histograms, which stay beside, are left alone."""
    slots = np.sort(head.series.live_slots().astype(np.int64))
    n_chunks, _ = head.arenas.measure(slots, *_EVER)
    sealed = head.arrays.meta[slots, COUNT] - head.arrays.meta[slots, OPEN]
    chosen = (n_chunks >= _FEWEST_CHUNKS) & (sealed < 2 * OPEN_SAMPLES * n_chunks)
    chosen |= np.isin(slots, head.side.slots_with_floats())
    chosen &= ~np.isin(slots, list(head.side.histograms))
    found: NDArray[np.int64] = slots[chosen]
    return found


def _slices(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of series that have about as many samples as a slice, at least one series each."""
    ends = np.cumsum(sizes)
    low = 0
    while low < len(sizes):
        before = int(ends[low - 1]) if low else 0
        high = max(int(np.searchsorted(ends, before + _SLICE_SAMPLES, side="right")), low + 1)
        yield low, high
        low = high


def _fold_slots(head: Head, slots: NDArray[np.int64]) -> None:
    counts, samples = _samples_of(head.snapshot(slots, *_EVER))
    before = head.arrays.meta[slots]
    head.side.take_floats(slots)
    head.arenas.put_anew(slots, counts, samples)
    # The newest sample may have gone to a block: what comes next is still judged by it, as it is in a replay, which does not fold.
    older = np.flatnonzero(before[:, LAST_TIME] > head.arrays.meta[slots, LAST_TIME])
    judged = slots[older]
    head.arrays.meta[judged, LAST_TIME] = before[older, LAST_TIME]
    head.arrays.meta[judged, LAST_BITS] = before[older, LAST_BITS]
    head.arrays.meta[judged, FLAGS] |= before[older, FLAGS] & LAST_IN_SIDE


def _samples_of(part: Part) -> tuple[NDArray[np.int64], FloatColumns]:
    """Return how many samples each row has, and all of them."""
    table, first = part.table, part.first
    keep: object = part
    if len(part.extra.rows):
        table[:, PART] = 0
        rows = np.arange(len(first) - 1, dtype=np.int64)
        table, first, keep = Untidy([part], [rows], table, first, _EVER).merge(rows)
    totals = np.concatenate(([0], np.cumsum(table[:, ENTRY_SAMPLES])))
    times, starts = np.empty((2, int(totals[-1])), dtype=np.int64)
    values = np.empty(int(totals[-1]), dtype=np.float64)
    decode_chunks(table, totals[1:], times, values, starts)
    del keep  # until here the table pointed into it
    return totals[first[1:]] - totals[first[:-1]], FloatColumns(times, values.view(np.int64), starts)
