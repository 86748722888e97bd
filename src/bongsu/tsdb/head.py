"""
The head: the newest samples of a project's series, in arenas.

Nothing here locks, logs or waits: the database does, and holds its lock around every call. What `snapshot` returns stays as it is:
sealed chunks are never changed in place, and open samples are copied.
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
    FLOOR,
    FULL,
    HAS_SIDE,
    HAS_STARTS,
    IS_OPEN,
    LAST_BITS,
    LAST_IN_SIDE,
    LAST_TIME,
    N_CHUNKS,
    NEEDS_STARTS,
    OPEN,
    OPEN_SAMPLES,
    REF,
    ROW_WORDS,
    HeadArrays,
    append_rows,
    full_slots,
    list_slots,
    measure_slots,
    newest_sample,
    seal_rows,
    take_open,
)
from bongsu.kernels.used_codes import mark_used
from bongsu.storage.raw import Sample
from bongsu.storage.refusals import value_bytes
from bongsu.tsdb.arrays import grown, ranges
from bongsu.tsdb.index import LabelIndex
from bongsu.tsdb.late import Conflict, put_odd_rows, slot_of, slots_of
from bongsu.tsdb.parts import Part
from bongsu.tsdb.records import FloatRows
from bongsu.tsdb.runs import encoded_runs
from bongsu.tsdb.series import SeriesTable
from bongsu.tsdb.side import FloatColumns, FrozenSide, SideBuffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.tsdb.keys import Keys
    from bongsu.tsdb.records import EncodedHistograms

NO_TIME = -(1 << 63)
MAX_SPANS = 48
"""Most blocks that one flush writes: four days of two hours."""

_SEALED_TOGETHER = 8192
"""Open rows sealed by one call: 12 MB of scratch."""

_LOOKED_AT = 2 * _SEALED_TOGETHER
"""Rows ahead that are looked at for full open rows: an import of one long series fills the same one again and again."""

_READ_AHEAD = 8
"""Bytes behind the arena's last chunk: unpacking reads one word ahead."""

_LONG_SAMPLES = 8 * OPEN_SAMPLES
"""Samples of a chunk that sealed ones are joined to: its heads and its directory entry cost 80 bytes, however long it is."""

_FIRST_SLOTS = 16
_FIRST_ARENA = 1 << 14


class Head:
    """Series and their newest samples."""

    def __init__(self) -> None:
        self.series = SeriesTable()
        self.index = LabelIndex()
        self.side = SideBuffer()
        self.left_by_fold = 0, 0  # chunks and side samples, see `bongsu.tsdb.folding`
        self.arrays = _first_arrays()
        self._unused: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    # Series

    def add_series(self, refs: NDArray[np.int64], keys: Keys) -> NDArray[np.int64]:
        """Make the series of keys that are new, which are distinct; return the reference of every key, that of the known series if it has one."""
        slots = self.series.find(keys)
        fresh = np.flatnonzero(slots < 0)
        answer: NDArray[np.int64] = np.where(slots < 0, refs, self.arrays.meta[np.maximum(slots, 0), REF])
        if len(fresh):
            new_keys = keys.take(fresh)
            new_slots = self.series.add(refs[fresh], new_keys)
            self._ensure_slots(self.series.n_slots)
            self.arrays.meta[new_slots] = _FIRST_META
            self.arrays.meta[new_slots, REF] = refs[fresh]
            self.index.add(new_slots, new_keys)
        return answer

    def refs_of(self, keys: Keys) -> NDArray[np.int64]:
        """Return the reference of each key, -1 where there is no series."""
        slots = self.series.find(keys)
        return np.where(slots < 0, -1, self.arrays.meta[np.maximum(slots, 0), REF])

    def knows(self, refs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each reference whether its series is here."""
        slots = slots_of(refs)
        inside = (refs >= 0) & (slots < len(self.arrays.meta))
        known: NDArray[np.bool_] = inside & (self.arrays.meta[np.where(inside, slots, 0), REF] == refs)
        return known

    # Coming back from a checkpoint

    def restore_generations(self, generations: NDArray[np.int32]) -> None:
        """Let no slot give a reference that it gave before."""
        self.series.restore_generations(generations)
        self._ensure_slots(self.series.n_slots)

    def take_chunks(self, chunks: NDArray[np.int64], arena: NDArray[np.uint8]) -> None:
        """Begin with these sealed chunks, entries as the head keeps them."""
        cursor = np.array([len(chunks), len(arena), NO_TIME], dtype=np.int64)
        self.arrays = self.arrays._replace(
            chunks=grown(chunks.copy(), len(chunks) + 16),
            arena=grown(arena.copy(), len(arena) + _FIRST_ARENA),
            cursor=cursor,
        )

    def make_starts(self) -> None:
        """Give every open row room for start timestamps."""
        if not len(self.arrays.starts):
            starts = np.empty((len(self.arrays.open), OPEN_SAMPLES), dtype=np.int64)
            self.arrays = self.arrays._replace(starts=starts)

    # Samples

    def append_floats(self, rows: FloatRows, *, overwrite: bool) -> list[Conflict]:
        """Write float samples; return the rows that were not written."""
        return put_odd_rows(self, rows, self._append_rows(rows), overwrite=overwrite)

    def append_histograms(self, rows: EncodedHistograms, *, overwrite: bool) -> list[Conflict]:
        """Write histogram samples; return the rows that were not written."""
        if not len(rows.refs):
            return []
        starts = rows.starts.tolist() if len(rows.starts) else [0] * len(rows.refs)
        conflicts = []
        known = self.knows(rows.refs)
        for row, (ref, time, value, start) in enumerate(
            zip(rows.refs.tolist(), rows.times.tolist(), rows.values, starts, strict=True)
        ):
            sample = Sample(time, value, start)
            if not known[row]:
                conflicts.append(Conflict(row, ref, None, sample))
                continue
            present = self.sample_at(slot_of(ref), time)
            if present is None or overwrite:
                self.side.put_histogram(slot_of(ref), sample)
                self._note_side(slot_of(ref), time)
            elif value_bytes(present.value) != value:
                conflicts.append(Conflict(row, ref, present, sample))
        return conflicts

    def sample_at(self, slot: int, time: int) -> Sample | None:
        """Return the sample of a series at a time."""
        meta = self.arrays.meta[slot]
        found = self.side.get(slot, time)
        if found is not None or not meta[COUNT] or not meta[FIRST_TIME] <= time <= meta[LAST_TIME]:
            return found
        samples = self.main_samples(slot, time, time).samples()
        return samples[0] if samples else None

    def main_samples(self, slot: int, start_ms: int, end_ms: int) -> FloatColumns:
        """Return the sealed and open samples of one series in a closed range."""
        part = self.snapshot(np.array([slot], dtype=np.int64), start_ms, end_ms)
        ends = np.cumsum(part.table[:, ENTRY_SAMPLES])
        n = int(ends[-1]) if len(ends) else 0
        times, starts = np.empty((2, n), dtype=np.int64)
        values = np.empty(n, dtype=np.float64)
        decode_chunks(part.table, ends, times, values, starts)
        return FloatColumns(times, values.view(np.int64), starts).between(start_ms, end_ms)

    # Reading

    @property
    def bytes(self) -> int:
        """Bytes of sealed chunks, their directory and the samples of open rows."""
        meta = self.arrays.meta[self.series.live_slots()]
        return (
            int(self.arrays.cursor[ARENA_USED])
            + 32 * int(self.arrays.cursor[N_CHUNKS])
            + 12 * int(meta[:, OPEN].sum())
        )

    def count(self) -> tuple[int, int]:
        """Return how many series have samples, and how many samples there are."""
        meta = self.arrays.meta[self.series.live_slots()]
        has_samples = (meta[:, COUNT] > 0) | (meta[:, FLAGS] & HAS_SIDE != 0)
        return int(has_samples.sum()), int(meta[:, COUNT].sum()) + len(self.side)

    def bounds(self) -> tuple[int | None, int | None, int]:
        """Return the oldest and the newest time, and how many samples the side buffer holds."""
        meta = self.arrays.meta[self.series.live_slots()]
        filled = meta[meta[:, COUNT] > 0]
        times = [*self.side.bounds()]
        if len(filled):
            # What LAST_TIME says may have gone to a block or a side buffer since.
            newest = newest_sample(self.arrays, slots_of(filled[:, REF]))
            times += [int(filled[:, FIRST_TIME].min()), newest]
        return min(times, default=None), max(times, default=None), len(self.side)

    def samples_before(self, time_ms: int) -> int:
        """Return how many samples the sealed chunks that begin before a time hold."""
        chunks = self.arrays.chunks[: int(self.arrays.cursor[N_CHUNKS])]
        return int((chunks[chunks[:, CHUNK_MIN] < time_ms, CHUNK_LINK] >> 16 & 0xFFFF).sum())

    def spans(
        self, slots: NDArray[np.int64], oldest_ms: int, floor_ms: int, span_ms: int
    ) -> list[tuple[int, int]]:
        """
        Return the closed ranges, aligned and before a time, that blocks are to be written for.

        They are doubled until they are few: a backfill of years must not become thousands of blocks.
        """
        while (floor_ms - oldest_ms) // span_ms > MAX_SPANS:
            span_ms *= 2
        starts = range(oldest_ms // span_ms * span_ms, floor_ms, span_ms)
        spans = [(start, min(start + span_ms, floor_ms) - 1) for start in starts]
        return [span for span in spans if len(self.with_samples(slots, *span))]

    def with_samples(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Return the slots whose series may have samples in the range."""
        meta = self.arrays.meta
        # Mostly the newest sample is in the range, which takes no walk along the chunks to see.
        newest = meta[slots, LAST_TIME]
        in_main = (meta[slots, COUNT] > 0) & (meta[slots, FLAGS] & LAST_IN_SIDE == 0)
        kept = in_main & (newest >= start_ms) & (newest <= end_ms)
        # Nothing is newer, side buffers included: a series that ended before the range has nothing in it.
        unsure = np.flatnonzero(~kept & (newest >= start_ms))
        if len(unsure):
            n_chunks, n_open = self.measure(slots[unsure], start_ms, end_ms)
            kept[unsure] = (n_chunks + n_open) > 0
        beside = unsure[(meta[slots[unsure], FLAGS] & HAS_SIDE != 0) & ~kept[unsure]]
        kept[beside] = self.side.count(slots[beside], start_ms, end_ms) > 0
        left: NDArray[np.int64] = slots[kept]
        return left

    def used_codes(
        self, slots: NDArray[np.int64], codes: NDArray[np.int32], n_codes: int, start_ms: int, end_ms: int
    ) -> NDArray[np.int64]:
        """
        Return the codes that the series with samples in the range have, rising.

        Parameters
        ----------
        codes : ndarray of int32, shape (n_slots,)
            Code of each slot of the head, below `n_codes`, negative where it has none.
        """
        used, unsure = np.zeros(n_codes, dtype=np.uint8), np.empty(len(slots), dtype=np.int64)
        n_unsure = mark_used(self.arrays, slots, codes, start_ms, end_ms, used, unsure)
        beside = unsure[:n_unsure]
        used[codes[beside[self.side.count(beside, start_ms, end_ms) > 0]]] = 1
        return np.flatnonzero(used)

    def sides_are_aside(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> bool:
        """Tell whether the side buffer has nothing of some series in a closed range."""
        beside = slots[self._rows_with_side(slots)]
        return not self.side.count(beside, start_ms, end_ms).any()

    def snapshot(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> Part:
        """Return the samples of series in a closed range, frozen; one row for each slot."""
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
        beside = self._rows_with_side(slots)
        extra = self.side.between(slots[beside], start_ms, end_ms)
        extra = extra._replace(rows=beside[extra.rows])
        return Part(first=first, table=table, owners=(self.arrays.arena, open_bytes), extra=extra)

    def measure(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Return for each slot how many sealed chunks and how many open samples lie in a closed range."""
        measures = np.empty((2, len(slots)), dtype=np.int64)
        measure_slots(self.arrays, slots, start_ms, end_ms, measures[0], measures[1])
        return measures

    def _rows_with_side(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(self.side):
            return slots[:0]
        return np.flatnonzero(self.arrays.meta[slots, FLAGS] & HAS_SIDE)

    # Deleting

    def delete(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> None:
        """Remove the samples of series in a closed range."""
        self.side.delete(slots, start_ms, end_ms)
        for slot in slots.tolist():
            meta = self.arrays.meta[slot]
            if meta[COUNT] and meta[FIRST_TIME] <= end_ms and meta[LAST_TIME] >= start_ms:
                self.rewrite(slot, self.main_samples(slot, NO_TIME, -NO_TIME - 1).without(start_ms, end_ms))
            else:
                self.settle_side(slot)

    def rewrite(self, slot: int, samples: FloatColumns) -> None:
        """Give a series other samples in place of its sealed and open ones."""
        self.put_anew(np.array([slot], dtype=np.int64), np.array([len(samples.times)]), samples)
        self.settle_side(slot)

    def put_anew(self, slots: NDArray[np.int64], counts: NDArray[np.int64], samples: FloatColumns) -> None:
        """
        Give series other samples, in long chunks, in place of their sealed and open ones.

        Parameters
        ----------
        counts
            How many of the samples each series gets; they stand one series after another.
        """
        meta = self.arrays.meta
        refs = meta[slots, REF].copy()
        meta[slots] = _FIRST_META
        meta[slots, REF] = refs
        ends = np.cumsum(counts)
        begins = ends - counts
        # The newest go to the open row, as many as if they had come one by one.
        sealed = np.maximum(counts - 1, 0) // OPEN_SAMPLES * OPEN_SAMPLES
        per_slot = -(-sealed // _LONG_SAMPLES)
        run_begins = ranges(np.zeros_like(per_slot), per_slot) * _LONG_SAMPLES + np.repeat(begins, per_slot)
        run_ends = np.minimum(run_begins + _LONG_SAMPLES, np.repeat(begins + sealed, per_slot))
        data, chunks = encoded_runs(samples.times, samples.starts, samples.bits, run_begins, run_ends)
        self._put_chunks(np.repeat(slots, per_slot), data, chunks)
        with_chunks = np.flatnonzero(sealed)
        filled, last = slots[with_chunks], (begins + sealed)[with_chunks] - 1
        meta[filled, COUNT] = sealed[with_chunks]
        meta[filled, FIRST_TIME] = samples.times[begins[with_chunks]]
        meta[filled, LAST_TIME] = samples.times[last]
        meta[filled, LAST_BITS] = samples.bits[last]
        rest = ranges(begins + sealed, ends)
        rows = FloatRows(np.repeat(refs, counts - sealed), *(np.ascontiguousarray(c[rest]) for c in samples))
        self._append_rows(rows)

    def settle_side(self, slot: int) -> None:
        """Let the slot's line agree with the side buffer."""
        meta = self.arrays.meta[slot]
        newest = self.side.newest(slot)
        if newest is not None:
            self._note_side(slot, newest)
            return
        meta[FLAGS] &= ~HAS_SIDE
        if meta[FLAGS] & LAST_IN_SIDE:
            # What was the newest is gone; the newest of the others counts again.
            left = self.main_samples(slot, NO_TIME, -NO_TIME - 1) if meta[COUNT] else None
            meta[FLAGS] &= ~LAST_IN_SIDE
            meta[LAST_TIME] = left.times[-1] if left is not None else NO_TIME
            meta[LAST_BITS] = left.bits[-1] if left is not None else 0

    def _note_side(self, slot: int, time: int) -> None:
        """Let the slot's line know of a sample in the side buffer."""
        meta = self.arrays.meta[slot]
        meta[FLAGS] |= HAS_SIDE
        if time >= meta[LAST_TIME]:
            meta[LAST_TIME] = time
            meta[FLAGS] |= LAST_IN_SIDE

    # Leaving for a block

    def begin_flush(self, floor_ms: int) -> FrozenSide:
        """Let samples before a time, if any still come, go to the side buffer; return what it holds of that time now."""
        self.arrays.cursor[FLOOR] = floor_ms
        return self.side.freeze(floor_ms)

    def end_flush(self) -> None:
        """Take samples of any time as before."""
        self.arrays.cursor[FLOOR] = NO_TIME

    def drop_side(self, frozen: FrozenSide) -> None:
        """Forget the samples beside that are in a block now: all but those that came since `begin_flush`."""
        self.side.drop(frozen)
        # Where nothing is left beside, the newest time stays known, so that what comes next is still judged by it.
        beside = np.flatnonzero(
            (self.arrays.meta[:, REF] >= 0) & (self.arrays.meta[:, FLAGS] & HAS_SIDE != 0)
        )
        self.arrays.meta[beside[self.side.count(beside) == 0], FLAGS] &= ~HAS_SIDE

    def ended_slots(self, floor_ms: int) -> NDArray[np.int64]:
        """
        Return the slots of series that ended: nothing is left of them, and their newest sample is before a time.

        A series without any sample yet is about to get its first; it has ended when it is still without one at the next call.
        """
        slots = self.series.live_slots().astype(np.int64)
        meta = self.arrays.meta[slots]
        empty = (meta[:, COUNT] == 0) & (meta[:, FLAGS] & HAS_SIDE == 0)
        unused = meta[:, LAST_TIME] == NO_TIME
        still_unused = np.isin(meta[:, REF], self._unused)
        self._unused = meta[empty & unused, REF]
        ended: NDArray[np.int64] = slots[empty & (meta[:, LAST_TIME] < floor_ms) & (~unused | still_unused)]
        return ended

    def remove_series(self, slots: NDArray[np.int64]) -> None:
        """Forget series; their references are unknown from now on."""
        if not len(slots):
            return
        self.index.remove(slots)
        self.series.remove(slots)
        self.arrays.meta[slots, REF] = -1
        if self.index.is_mostly_dead():
            live = self.series.live_slots()
            self.index = LabelIndex()
            self.index.add(live.astype(np.int64), self.series.keys(live))

    # Room

    def _append_rows(self, rows: FloatRows) -> NDArray[np.uint8]:
        """Write the rows that are newer than all of their series; return what became of each."""
        outcome = np.empty(len(rows.refs), dtype=np.uint8)
        row = 0
        while row < len(outcome):
            row = append_rows(self.arrays, *rows, row, outcome)
            if row == len(outcome):
                break
            if outcome[row] == NEEDS_STARTS:
                self.make_starts()
            elif outcome[row] == FULL:
                self._seal_full(rows.refs, row)
            else:
                raise AssertionError(f"BUG: append_rows stopped with outcome {outcome[row]}")
        return outcome

    def _seal_full(self, refs: NDArray[np.int64], row: int) -> None:
        """Seal the full open rows of the series that a batch goes on with: all at once, since scrapes fill theirs together."""
        ahead = refs[: row + _LOOKED_AT]
        slots = np.empty(len(ahead) - row, dtype=np.int64)
        slots = slots[: full_slots(self.arrays, ahead, row, slots)]
        for low in range(0, len(slots), _SEALED_TOGETHER):
            self._seal(slots[low : low + _SEALED_TOGETHER])

    def _seal(self, slots: NDArray[np.int64]) -> None:
        ends = np.cumsum(self.arrays.meta[slots, OPEN])
        n = int(ends[-1])
        times, bits = np.empty((2, n), dtype=np.int64)
        starts = np.empty(n if len(self.arrays.starts) else 0, dtype=np.int64)
        take_open(self.arrays, slots, times, bits, starts)
        self._put_chunks(slots, *encoded_runs(times, starts, bits, np.append(0, ends[:-1]), ends))

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

    def _ensure_slots(self, n_slots: int) -> None:
        a = self.arrays
        if n_slots <= len(a.meta):
            return
        meta = grown(a.meta, n_slots, fill=-1)
        self.arrays = a._replace(
            meta=meta,
            open=grown(a.open, len(meta)),
            starts=grown(a.starts, len(meta)) if len(a.starts) else a.starts,
        )


_FIRST_META = np.array([-1, 0, NO_TIME, 0, -1, 0, 0, NO_TIME], dtype=np.int64)


def _first_arrays() -> HeadArrays:
    return HeadArrays(
        meta=np.full((_FIRST_SLOTS, 8), -1, dtype=np.int64),
        open=np.empty((_FIRST_SLOTS, ROW_WORDS), dtype=np.int64),
        starts=np.empty((0, OPEN_SAMPLES), dtype=np.int64),
        chunks=np.empty((16, 4), dtype=np.int64),
        arena=np.empty(_FIRST_ARENA, dtype=np.uint8),
        cursor=np.array([0, 0, NO_TIME], dtype=np.int64),
    )
