"""
The side buffer of a head: the samples that open rows cannot take, namely late floats, overwriting ones and histograms.

A side sample hides the open or sealed one at the same time, and there is one at most for a series and time. The database's lock guards
all of it; what readers get is copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.late import (
    EMPTY,
    LATE_BITS,
    LATE_SLOT,
    LATE_START,
    LATE_TIME,
    N_ENTRIES,
    N_LIVE,
    NO_SLOT,
    LateArrays,
    copy_late,
    count_late,
    find_late,
    keep_late,
    put_late,
    rehash_late,
    take_back,
    take_back_all,
)
from bongsu.kernels.merge import BITS, SIZE, START, TIME
from bongsu.storage.raw import Sample
from bongsu.storage.refusals import value_bytes
from bongsu.tsdb.arrays import grown
from bongsu.tsdb.parts import Extra, no_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.kernels.head import HeadArrays

_FIRST_TABLE = 64
_MAX_LOAD = 2
"""The table has at least this many places per entry: probes stay short with linear probing."""

Histograms = dict[int, Sample]
"""The histograms of one series by time."""


class FloatColumns(NamedTuple):
    """Float samples of one series in columns, times strictly increasing."""

    times: NDArray[np.int64]
    bits: NDArray[np.int64]
    starts: NDArray[np.int64]

    def between(self, start_ms: int, end_ms: int) -> FloatColumns:
        """Return the samples in a closed range."""
        low = np.searchsorted(self.times, start_ms, side="left")
        high = np.searchsorted(self.times, end_ms, side="right")
        return FloatColumns(*(column[low:high] for column in self))

    def without(self, start_ms: int, end_ms: int) -> FloatColumns:
        """Return the samples outside a closed range."""
        outside = (self.times < start_ms) | (self.times > end_ms)
        return FloatColumns(*(column[outside] for column in self))

    def samples(self) -> list[Sample]:
        """Return the samples as objects."""
        values = self.bits.view(np.float64).tolist()
        return [Sample(*row) for row in zip(self.times.tolist(), values, self.starts.tolist(), strict=True)]


class FrozenSide(NamedTuple):
    """What a side buffer held of the time before `floor_ms` when a flush began: its first `n_entries` late floats, and histograms."""

    floor_ms: int
    n_entries: int
    histograms: dict[int, Histograms]


class SideBuffer:
    """Side samples by slot."""

    def __init__(self) -> None:
        self.late = _empty_arrays(0, 0)
        self.histograms: dict[int, Histograms] = {}

    def __len__(self) -> int:
        return int(self.late.cursor[N_LIVE]) + sum(map(len, self.histograms.values()))

    # Writing

    def put_floats(
        self,
        head: HeadArrays,
        slots: NDArray[np.int64],
        samples: NDArray[np.int64],
        stored: tuple[NDArray[np.bool_], NDArray[np.int64]],
        *,
        overwrite: bool,
    ) -> NDArray[np.uint8]:
        """Write late floats as `put_late` does, and return what became of each."""
        self._ensure(len(slots), len(head.meta))
        outcome = np.empty(len(slots), dtype=np.uint8)
        put_late(head, self.late, slots, samples, *stored, overwrite, outcome)
        return outcome

    def put_histogram(self, slot: int, sample: Sample) -> None:
        """Write a histogram in the place of whatever was at its time."""
        number = self._find(slot, sample.timestamp)
        if number != EMPTY:
            take_back(self.late, number)
        self.histograms.setdefault(slot, {})[sample.timestamp] = sample

    def remove_histogram(self, slot: int, time: int) -> None:
        """Take a histogram back."""
        del self.histograms[slot][time]
        if not self.histograms[slot]:
            del self.histograms[slot]

    def delete(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> None:
        """Remove the samples of some series in a closed range."""
        entries = self._entries()
        if len(entries):
            chosen = np.zeros(len(self.late.last) + 1, dtype=np.bool_)  # one more, for entries of no slot
            chosen[slots[slots < len(self.late.last)]] = True
            inside = (entries[:, LATE_TIME] >= start_ms) & (entries[:, LATE_TIME] <= end_ms)
            gone = chosen[entries[:, LATE_SLOT]] & inside
            if gone.any():
                self._keep(~gone)
        for slot in slots[self._rows_with_histograms(slots)].tolist():
            left = {t: s for t, s in self.histograms.pop(slot).items() if not start_ms <= t <= end_ms}
            if left:
                self.histograms[slot] = left

    def take_floats(self, slots: NDArray[np.int64]) -> None:
        """Forget the late floats of series, which are elsewhere now; their memory comes back with `tidy`."""
        take_back_all(self.late, slots[slots < len(self.late.last)])

    def tidy(self) -> None:
        """Give back the memory of samples that were forgotten."""
        if self.late.cursor[N_LIVE] < self.late.cursor[N_ENTRIES]:
            self._keep(np.ones(int(self.late.cursor[N_ENTRIES]), dtype=np.bool_))

    # Reading

    def slots_with_floats(self) -> NDArray[np.int64]:
        """Return the slots that have late floats."""
        return np.flatnonzero(self.late.last != EMPTY)

    def get(self, slot: int, time: int) -> Sample | None:
        """Return the sample of a series at a time."""
        found = self.histograms.get(slot, {}).get(time)
        number = EMPTY if found is not None else self._find(slot, time)
        if number == EMPTY:
            return found
        entry = self.late.entries[number]
        return Sample(
            time, float(entry[LATE_BITS : LATE_BITS + 1].view(np.float64)[0]), int(entry[LATE_START])
        )

    def newest(self, slot: int) -> int | None:
        """Return the newest time of a series."""
        one = np.array([slot], dtype=np.int64)
        found = self.between(one, -(1 << 63), (1 << 63) - 1)
        return int(found.samples[TIME, -1]) if len(found.rows) else None

    def count(
        self, slots: NDArray[np.int64], start_ms: int = -(1 << 63), end_ms: int = (1 << 63) - 1
    ) -> NDArray[np.int64]:
        """Return how many samples of each series lie in a closed range."""
        counts = np.zeros(len(slots), dtype=np.int64)
        inside = slots < len(self.late.last)
        counts[inside] = self._count_floats(slots[inside], start_ms, end_ms)
        if self.histograms:
            for row, slot in enumerate(slots.tolist()):
                counts[row] += sum(start_ms <= t <= end_ms for t in self.histograms.get(slot, ()))
        return counts

    def bounds(self) -> tuple[int, ...]:
        """Return times that include the first and the last."""
        times = self._live()[:, LATE_TIME]
        ends = (int(times.min()), int(times.max())) if len(times) else ()
        return (*ends, *(time for held in self.histograms.values() for time in held))

    def between(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> Extra:
        """
        Return what there is of series in a closed range; rows are places in `slots`.

        Histograms come with the one before the range, which tells whether the first one is a reset.
        """
        if not len(self):
            return no_extra()
        rows = np.flatnonzero(slots < len(self.late.last))
        owners, floats = self._floats(rows, np.ascontiguousarray(slots[rows]), start_ms, end_ms)
        held = [(row, self.histograms[int(slots[row])]) for row in self._rows_with_histograms(slots)]
        chosen = [
            (row, sample) for row, by_time in held for sample in _with_one_before(by_time, start_ms, end_ms)
        ]
        if not chosen:
            return _extra(owners, floats, ())
        histograms, payload = _histogram_columns([sample for _, sample in chosen])
        owners = np.concatenate((owners, [row for row, _ in chosen]))
        samples = np.concatenate((floats, histograms), axis=1)
        order = np.lexsort((samples[TIME], owners))
        return _extra(owners[order], np.ascontiguousarray(samples[:, order]), (payload,))

    # Leaving for a block, and coming back from a checkpoint

    def freeze(self, floor_ms: int) -> FrozenSide:
        """Return what there is of the time before a floor."""
        histograms = {slot: dict(held) for slot, held in self.histograms.items() if min(held) < floor_ms}
        return FrozenSide(floor_ms, len(self._entries()), histograms)

    def drop(self, frozen: FrozenSide) -> None:
        """Remove what was frozen, but for histograms that others have replaced since. Nothing was deleted meanwhile."""
        times = self._entries()[:, LATE_TIME]
        stays = times >= frozen.floor_ms
        stays[frozen.n_entries :] = True
        if not stays.all():
            self._keep(stays)
        for slot, before in frozen.histograms.items():
            left = {
                t: sample
                for t, sample in self.histograms.pop(slot, {}).items()
                if t >= frozen.floor_ms or before.get(t) is not sample
            }
            if left:
                self.histograms[slot] = left

    def table(self) -> NDArray[np.int64]:
        """Return all late floats as rows of slot, time, bits, start timestamp; a copy."""
        return self._live().copy()

    def restore(self, head: HeadArrays, table: NDArray[np.int64]) -> None:
        """Take back what `table` returned."""
        columns = np.ascontiguousarray(table.T)
        none = np.zeros(len(table), dtype=np.bool_), np.zeros(len(table), dtype=np.int64)
        self.put_floats(head, columns[LATE_SLOT], columns[LATE_TIME:], none, overwrite=False)

    def _entries(self) -> NDArray[np.int64]:
        return self.late.entries[: int(self.late.cursor[N_ENTRIES])]

    def _live(self) -> NDArray[np.int64]:
        entries = self._entries()
        if len(entries) == self.late.cursor[N_LIVE]:
            return entries
        live: NDArray[np.int64] = entries[entries[:, LATE_SLOT] != NO_SLOT]
        return live

    def _find(self, slot: int, time: int) -> int:
        return find_late(self.late, slot, time)

    def _count_floats(self, slots: NDArray[np.int64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        counts = np.empty(len(slots), dtype=np.int64)
        count_late(self.late, slots, start_ms, end_ms, counts)
        return counts

    def _floats(
        self, rows: NDArray[np.int64], slots: NDArray[np.int64], start_ms: int, end_ms: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row and the sample table of the late floats of some slots, by row and time."""
        counts = self._count_floats(slots, start_ms, end_ms)
        ends = np.cumsum(counts)
        samples = np.empty((4, int(ends[-1]) if len(ends) else 0), dtype=np.int64)
        in_order = copy_late(self.late, slots, start_ms, end_ms, ends, samples)
        owners = np.repeat(rows, counts)
        if in_order:
            return owners, samples
        order = np.lexsort((samples[TIME], owners))
        return owners, np.ascontiguousarray(samples[:, order])

    def _rows_with_histograms(self, slots: NDArray[np.int64]) -> list[int]:
        if not self.histograms:
            return []
        rows: list[int] = np.flatnonzero(np.isin(slots, list(self.histograms))).tolist()
        return rows

    def _keep(self, stays: NDArray[np.bool_]) -> None:
        """Let go of all other entries, and of their memory."""
        stays &= self._entries()[:, LATE_SLOT] != NO_SLOT
        old, n = self.late, int(np.count_nonzero(stays))
        self.late = _empty_arrays(n, len(old.last))
        keep_late(old, stays, self.late)

    def _ensure(self, more: int, n_slots: int) -> None:
        """Make room for entries, and for slots."""
        n = int(self.late.cursor[N_ENTRIES]) + more
        last = grown(self.late.last, n_slots, fill=EMPTY)
        self.late = self.late._replace(
            entries=grown(self.late.entries, n), links=grown(self.late.links, n), last=last
        )
        if len(self.late.table) < _MAX_LOAD * n:
            self.late = self.late._replace(table=_empty_table(len(self.late.entries)))
            rehash_late(self.late)


def _empty_arrays(n_entries: int, n_slots: int) -> LateArrays:
    return LateArrays(
        entries=np.empty((n_entries, 4), dtype=np.int64),
        links=np.empty(n_entries, dtype=np.int32),
        last=np.full(n_slots, EMPTY, dtype=np.int32),
        table=_empty_table(n_entries),
        cursor=np.zeros(2, dtype=np.int64),
    )


def _empty_table(n_entries: int) -> NDArray[np.int32]:
    size = max(_FIRST_TABLE, 1 << (_MAX_LOAD * n_entries - 1).bit_length() if n_entries else 0)
    return np.full(size, EMPTY, dtype=np.int32)


def _histogram_columns(samples: list[Sample]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return histograms as a sample table, and the bytes that it points at."""
    encoded = [value_bytes(sample.value) for sample in samples]
    payload = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    sizes = [len(value) for value in encoded]
    table = np.empty((4, len(samples)), dtype=np.int64)
    table[TIME] = [sample.timestamp for sample in samples]
    table[START] = [sample.start for sample in samples]
    table[SIZE] = sizes
    table[BITS] = payload.ctypes.data + np.cumsum([0, *sizes[:-1]])
    return table, payload


def _extra(owners: NDArray[np.int64], samples: NDArray[np.int64], kept: tuple[object, ...]) -> Extra:
    if not len(owners):
        return no_extra()
    begins = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    return Extra(owners[begins].astype(np.int64), np.append(begins, len(owners)), samples, kept)


def _with_one_before(by_time: Histograms, start_ms: int, end_ms: int) -> list[Sample]:
    """Return the samples in a closed range and, if there are any, the newest one before it."""
    inside = [sample for t, sample in by_time.items() if start_ms <= t <= end_ms]
    before = max((t for t in by_time if t < start_ms), default=None) if inside else None
    return inside if before is None else [by_time[before], *inside]
