"""
The arenas of a head: for each slot a line and an open row, and the sealed chunks that open rows become.

The arrays are replaced as a whole when they grow and when old chunks leave, and sealed chunks are never changed in place: whoever holds
the arrays of a moment may read the chunks of that moment. Lines and open rows do change; the database's lock is held around every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.chunks import ENTRY_AT, ENTRY_SAMPLES, decode_chunks
from bongsu.kernels.head import (
    ARENA_USED,
    CHUNK_LINK,
    CHUNK_MIN,
    COUNT,
    FIRST_TIME,
    FLAGS,
    HAS_STARTS,
    IS_OPEN,
    LAST_BITS,
    LAST_TIME,
    N_CHUNKS,
    OPEN,
    OPEN_SAMPLES,
    PENDING,
    REF,
    ROW_WORDS,
    HeadArrays,
    append_rows,
    list_slots,
    measure_slots,
    pending_slots,
    seal_rows,
    take_open,
)
from bongsu.tsdb.arrays import grown, ranges
from bongsu.tsdb.parts import Part
from bongsu.tsdb.records import FloatRows
from bongsu.tsdb.runs import encoded_runs
from bongsu.tsdb.side import FloatColumns

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TIME = -(1 << 63)
"""Before any sample."""

_SEALED_TOGETHER = 8192
"""Open rows sealed by one call: 12 MB of scratch."""

_LOOKED_AT = 2 * _SEALED_TOGETHER
"""
Rows that are gone through for more full open rows, before those that were found are sealed: scrapes fill theirs together, a request with many samples
of each series one after another, and an import of one long series the same one again and again.
"""

_READ_AHEAD = 8
"""Bytes behind the arena's last chunk: unpacking reads one word ahead."""

_LONG_SAMPLES = 8 * OPEN_SAMPLES
"""Samples of a chunk that sealed ones are joined to: its heads and its directory entry cost 80 bytes, however long it is."""

_FIRST_SLOTS = 16
_FIRST_ARENA = 1 << 14

_FIRST_META = np.array([-1, 0, NO_TIME, 0, -1, 0, 0, NO_TIME], dtype=np.int64)


class Arenas:
    """
    Float samples by slot, sealed and open.

    Attributes
    ----------
    arrays
        What kernels take; another one after anything was added.
    """

    def __init__(self) -> None:
        self.arrays = HeadArrays(
            meta=np.full((_FIRST_SLOTS, 8), -1, dtype=np.int64),
            open=np.empty((_FIRST_SLOTS, ROW_WORDS), dtype=np.int64),
            starts=np.empty((0, OPEN_SAMPLES), dtype=np.int64),
            chunks=np.empty((16, 4), dtype=np.int64),
            arena=np.empty(_FIRST_ARENA, dtype=np.uint8),
            cursor=np.array([0, 0, NO_TIME], dtype=np.int64),
        )

    # Slots

    def ensure_slots(self, n_slots: int) -> None:
        """Make room for slots; new ones belong to nobody."""
        a = self.arrays
        if n_slots <= len(a.meta):
            return
        meta = grown(a.meta, n_slots, fill=-1)
        self.arrays = a._replace(
            meta=meta,
            open=grown(a.open, len(meta)),
            starts=grown(a.starts, len(meta)) if len(a.starts) else a.starts,
        )

    def begin_lines(self, slots: NDArray[np.int64], refs: NDArray[np.int64]) -> None:
        """Give slots to references, without any sample."""
        self.arrays.meta[slots] = _FIRST_META
        self.arrays.meta[slots, REF] = refs

    def make_starts(self) -> None:
        """Give every open row room for start timestamps."""
        if not len(self.arrays.starts):
            starts = np.empty((len(self.arrays.open), OPEN_SAMPLES), dtype=np.int64)
            self.arrays = self.arrays._replace(starts=starts)

    # Writing

    def append(self, rows: FloatRows) -> NDArray[np.uint8]:
        """Write the rows that are newer than all of their series; return what became of each."""
        if len(rows.starts) and rows.starts.any():
            self.make_starts()
        outcome = np.empty(len(rows.refs), dtype=np.uint8)
        outcome.fill(PENDING)
        row = 0
        while (row := append_rows(self.arrays, *rows, row, _LOOKED_AT, outcome)) < len(outcome):
            ahead = slice(row, row + _LOOKED_AT)
            self._seal_pending(rows.refs[ahead], outcome[ahead])
        return outcome

    def put_anew(self, slots: NDArray[np.int64], counts: NDArray[np.int64], samples: FloatColumns) -> None:
        """
        Give series other samples, in long chunks, in place of their sealed and open ones.

        Parameters
        ----------
        counts
            How many of the samples each series gets; they stand one series after another.
        """
        refs = self.arrays.meta[slots, REF].copy()
        self.begin_lines(slots, refs)
        ends = np.cumsum(counts)
        begins = ends - counts
        # The newest go to the open row, as many as if they had come one by one.
        sealed = np.maximum(counts - 1, 0) // OPEN_SAMPLES * OPEN_SAMPLES
        self._put_long_chunks(slots, begins, sealed, samples)
        rest = ranges(begins + sealed, ends)
        rows = FloatRows(np.repeat(refs, counts - sealed), *(np.ascontiguousarray(c[rest]) for c in samples))
        self.append(rows)

    def take_chunks(self, chunks: NDArray[np.int64], arena: NDArray[np.uint8]) -> None:
        """Begin with these sealed chunks, entries as they are kept here."""
        cursor = np.array([len(chunks), len(arena), NO_TIME], dtype=np.int64)
        self.arrays = self.arrays._replace(
            chunks=grown(chunks.copy(), len(chunks) + 16),
            arena=grown(arena.copy(), len(arena) + _FIRST_ARENA),
            cursor=cursor,
        )

    # Reading

    def measure(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Return for each slot how many sealed chunks and how many open samples lie in a closed range."""
        measures = np.empty((2, len(slots)), dtype=np.int64)
        measure_slots(self.arrays, slots, start_ms, end_ms, measures[0], measures[1])
        return measures

    def snapshot(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> Part:
        """Return the samples of series in a closed range, frozen: sealed chunks in place, open samples copied; one row for each slot."""
        n_chunks, n_open = self.measure(slots, start_ms, end_ms)
        first = np.zeros(len(slots) + 1, dtype=np.int64)
        np.cumsum(n_chunks + (n_open > 0), out=first[1:])
        has_starts = self.arrays.meta[slots, FLAGS] & HAS_STARTS
        sizes = n_open * np.where(has_starts, 24, 16)
        open_bytes = np.empty(int(sizes.sum()), dtype=np.uint8)
        table = np.empty((int(first[-1]), 8), dtype=np.int64)
        list_slots(self.arrays, slots, start_ms, end_ms, first, table, np.cumsum(sizes) - sizes, open_bytes)
        arena = self.arrays.arena
        table[:, ENTRY_AT] += np.where(table[:, IS_OPEN], open_bytes.ctypes.data, arena.ctypes.data)
        return Part(first=first, table=table, owners=(arena, open_bytes))

    def samples(self, slot: int, start_ms: int, end_ms: int) -> FloatColumns:
        """Return the samples of one series in a closed range."""
        part = self.snapshot(np.array([slot], dtype=np.int64), start_ms, end_ms)
        ends = np.cumsum(part.table[:, ENTRY_SAMPLES])
        n = int(ends[-1]) if len(ends) else 0
        times, starts = np.empty((2, n), dtype=np.int64)
        values = np.empty(n, dtype=np.float64)
        decode_chunks(part.table, ends, times, values, starts)
        return FloatColumns(times, values.view(np.int64), starts).between(start_ms, end_ms)

    def samples_before(self, time_ms: int) -> int:
        """Return how many samples the sealed chunks that begin before a time hold."""
        chunks = self.arrays.chunks[: int(self.arrays.cursor[N_CHUNKS])]
        return int((chunks[chunks[:, CHUNK_MIN] < time_ms, CHUNK_LINK] >> 16 & 0xFFFF).sum())

    # Sealing

    def _seal_pending(self, refs: NDArray[np.int64], outcome: NDArray[np.uint8]) -> None:
        """Seal the open rows that pending rows of a batch wait for, the first of which is the first row."""
        slots = np.empty(len(refs), dtype=np.int64)
        slots = slots[: pending_slots(self.arrays, refs, outcome, slots)]
        for low in range(0, len(slots), _SEALED_TOGETHER):
            self._seal(slots[low : low + _SEALED_TOGETHER])

    def _seal(self, slots: NDArray[np.int64]) -> None:
        ends = np.cumsum(self.arrays.meta[slots, OPEN])
        n = int(ends[-1])
        times, bits = np.empty((2, n), dtype=np.int64)
        starts = np.empty(n if len(self.arrays.starts) else 0, dtype=np.int64)
        take_open(self.arrays, slots, times, bits, starts)
        self._put_chunks(slots, *encoded_runs(times, starts, bits, np.append(0, ends[:-1]), ends))

    def _put_long_chunks(
        self,
        slots: NDArray[np.int64],
        begins: NDArray[np.int64],
        sealed: NDArray[np.int64],
        samples: FloatColumns,
    ) -> None:
        """Seal the first samples of empty series, `sealed` of each from its begin on, and let their lines know."""
        per_slot = -(-sealed // _LONG_SAMPLES)
        run_begins = ranges(np.zeros_like(per_slot), per_slot) * _LONG_SAMPLES + np.repeat(begins, per_slot)
        run_ends = np.minimum(run_begins + _LONG_SAMPLES, np.repeat(begins + sealed, per_slot))
        data, chunks = encoded_runs(samples.times, samples.starts, samples.bits, run_begins, run_ends)
        self._put_chunks(np.repeat(slots, per_slot), data, chunks)
        with_chunks = np.flatnonzero(sealed)
        filled, last = slots[with_chunks], (begins + sealed)[with_chunks] - 1
        meta = self.arrays.meta
        meta[filled, COUNT] = sealed[with_chunks]
        meta[filled, FIRST_TIME] = samples.times[begins[with_chunks]]
        meta[filled, LAST_TIME] = samples.times[last]
        meta[filled, LAST_BITS] = samples.bits[last]

    def _put_chunks(
        self, slots: NDArray[np.int64], data: NDArray[np.uint8], chunks: NDArray[np.int64]
    ) -> None:
        """Put encoded chunks into the arena, each as the newest of its slot, and empty the open rows."""
        a = self.arrays
        self.arrays = a._replace(
            chunks=grown(a.chunks, int(a.cursor[N_CHUNKS]) + len(slots)),
            arena=grown(a.arena, int(a.cursor[ARENA_USED]) + len(data) + _READ_AHEAD),
        )
        seal_rows(self.arrays, slots, chunks, data, len(data))
