"""
The head: a project's series and their newest samples, in arenas and beside them.

Nothing here locks, logs or waits: the database does, and holds its lock around every call. What `snapshot` returns stays as it is:
sealed chunks are never changed in place, and open samples are copied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head import (
    ARENA_USED,
    COUNT,
    FIRST_TIME,
    FLAGS,
    FLOOR,
    HAS_SIDE,
    LAST_BITS,
    LAST_IN_SIDE,
    LAST_TIME,
    N_CHUNKS,
    REF,
    tally,
)
from bongsu.kernels.used_codes import mark_used
from bongsu.storage.raw import Sample
from bongsu.storage.refusals import value_bytes
from bongsu.tsdb.arenas import NO_TIME, Arenas
from bongsu.tsdb.index import LabelIndex
from bongsu.tsdb.late import Conflict, put_odd_rows, slot_of, slots_of
from bongsu.tsdb.series import SeriesTable
from bongsu.tsdb.side import FrozenSide, SideBuffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.kernels.head import HeadArrays
    from bongsu.tsdb.keys import Keys
    from bongsu.tsdb.parts import Part
    from bongsu.tsdb.records import EncodedHistograms, FloatRows
    from bongsu.tsdb.side import FloatColumns


class Head:
    """
    Series and their newest samples.

    Attributes
    ----------
    series, index
        Keys by slot, and slots by label.
    arenas
        Float samples in the order in which they came.
    side
        Late samples, overwriting ones and histograms, which hide those of the arenas at the same time.
    left_by_fold
        Chunks and side samples that the last fold left, see `bongsu.tsdb.folding`.
    """

    def __init__(self) -> None:
        self.series = SeriesTable()
        self.index = LabelIndex()
        self.arenas = Arenas()
        self.side = SideBuffer()
        self.left_by_fold = 0, 0
        self._unused: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    @property
    def arrays(self) -> HeadArrays:
        """The arrays of the arenas as they are now; what is added may replace them."""
        return self.arenas.arrays

    # Series

    def add_series(self, refs: NDArray[np.int64], keys: Keys) -> NDArray[np.int64]:
        """Make the series of keys that are new, which are distinct; return the reference of every key, that of the known series if it has one."""
        slots = self.series.find(keys)
        fresh = np.flatnonzero(slots < 0)
        answer: NDArray[np.int64] = np.where(slots < 0, refs, self.arrays.meta[np.maximum(slots, 0), REF])
        if len(fresh):
            new_keys = keys.take(fresh)
            new_slots = self.series.add(refs[fresh], new_keys)
            self.arenas.ensure_slots(self.series.n_slots)
            self.arenas.begin_lines(new_slots, refs[fresh])
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

    def restore_generations(self, generations: NDArray[np.int32]) -> None:
        """Let no slot give a reference that it gave before."""
        self.series.restore_generations(generations)
        self.arenas.ensure_slots(self.series.n_slots)

    # Samples

    def append_floats(self, rows: FloatRows, *, overwrite: bool) -> list[Conflict]:
        """Write float samples; return the rows that were not written."""
        return put_odd_rows(self, rows, self.arenas.append(rows), overwrite=overwrite)

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
        samples = self.arenas.samples(slot, time, time).samples()
        return samples[0] if samples else None

    # Reading

    @property
    def bytes(self) -> int:
        """Bytes of sealed chunks, their directory and the samples of open rows."""
        cursor, n_open = self.arrays.cursor, tally(self.arrays)[2]
        return int(cursor[ARENA_USED]) + 32 * int(cursor[N_CHUNKS]) + 12 * n_open

    def count(self) -> tuple[int, int]:
        """Return how many series have samples, and how many samples there are."""
        n_series, n_samples, *_ = tally(self.arrays)
        return n_series, n_samples + len(self.side)

    def bounds(self) -> tuple[int | None, int | None, int]:
        """Return the oldest and the newest time, and how many samples the side buffer holds."""
        *_, oldest, newest = tally(self.arrays)
        times = [*self.side.bounds()]
        if oldest <= newest:
            times += [oldest, newest]
        return min(times, default=None), max(times, default=None), len(self.side)

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
            n_chunks, n_open = self.arenas.measure(slots[unsure], start_ms, end_ms)
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
        part = self.arenas.snapshot(slots, start_ms, end_ms)
        beside = self._rows_with_side(slots)
        extra = self.side.between(slots[beside], start_ms, end_ms)
        return replace(part, extra=extra._replace(rows=beside[extra.rows]))

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
                self._rewrite(
                    slot, self.arenas.samples(slot, NO_TIME, -NO_TIME - 1).without(start_ms, end_ms)
                )
            else:
                self._settle_side(slot)

    def _rewrite(self, slot: int, samples: FloatColumns) -> None:
        """Give a series other samples in place of its sealed and open ones."""
        self.arenas.put_anew(np.array([slot], dtype=np.int64), np.array([len(samples.times)]), samples)
        self._settle_side(slot)

    def _settle_side(self, slot: int) -> None:
        """Let the slot's line agree with the side buffer."""
        meta = self.arrays.meta[slot]
        newest = self.side.newest(slot)
        if newest is not None:
            self._note_side(slot, newest)
            return
        meta[FLAGS] &= ~HAS_SIDE
        if meta[FLAGS] & LAST_IN_SIDE:
            # What was the newest is gone; the newest of the others counts again.
            left = self.arenas.samples(slot, NO_TIME, -NO_TIME - 1) if meta[COUNT] else None
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
