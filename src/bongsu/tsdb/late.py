"""
Late float rows on their way into side buffers: what repeats a stored sample is nothing new, what contradicts one is a conflict.

Rows of one series are taken together; those that meet no stored sample and none of each other, as a backfill's mostly do, cost no
Python object each.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.head import CONFLICT, COUNT, FIRST_TIME, REF, SLOT_BITS, UNKNOWN
from bongsu.storage.raw import Sample
from bongsu.tsdb.side import LateFloats, Side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.tsdb.head import Head
    from bongsu.tsdb.records import FloatRows

_SLOT_MASK = (1 << SLOT_BITS) - 1
_INT, _DOUBLE = struct.Struct("<q"), struct.Struct("<d")


class Conflict(NamedTuple):
    """A row that was not written: `known` is the sample in its place; without samples the reference is unknown."""

    row: int
    ref: int
    known: Sample | None
    received: Sample | None

    @property
    def slot(self) -> int:
        """Slot of the series; only when the reference is known."""
        return slot_of(self.ref)


def slot_of(ref: int) -> int:
    """Return the slot of a reference."""
    return ref & _SLOT_MASK


def slots_of(refs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the slots of references."""
    slots: NDArray[np.int64] = refs & _SLOT_MASK
    return slots


def float_sample(time: int, bits: int, start: int) -> Sample:
    """Return a sample of the bits of its value."""
    return Sample(time, _DOUBLE.unpack(_INT.pack(bits))[0], start)


class LateRows(NamedTuple):
    """Late rows of one series: their places in the batch, and the samples in the order that they came in."""

    rows: NDArray[np.int64]
    samples: LateFloats


def put_odd_rows(
    head: Head, batch: FloatRows, outcome: NDArray[np.uint8], *, overwrite: bool
) -> list[Conflict]:
    """Write the rows that did not go into open rows; return those that were not written."""
    unknown = np.flatnonzero(outcome == UNKNOWN)
    conflicts = [
        Conflict(row, ref, None, None)
        for row, ref in zip(unknown.tolist(), batch.refs[unknown].tolist(), strict=True)
    ]
    odd = np.flatnonzero((outcome >= CONFLICT) & (outcome != UNKNOWN))
    if not len(odd):
        return conflicts
    slots = slots_of(batch.refs[odd])
    odd = odd[np.argsort(slots, kind="stable")]
    slots = slots_of(batch.refs[odd])
    starts = batch.starts[odd] if len(batch.starts) else np.zeros(len(odd), dtype=np.int64)
    columns = (batch.times[odd], batch.bits[odd], starts)
    bounds = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(odd)]
    for low, high in itertools.pairwise(bounds):
        late = LateRows(odd[low:high], LateFloats(*(column[low:high] for column in columns)))
        conflicts += _put_late(head, int(slots[low]), late, overwrite=overwrite)
    return conflicts


def _put_late(head: Head, slot: int, late: LateRows, *, overwrite: bool) -> list[Conflict]:
    """Write rows of one series that are not newer than all of it."""
    known = known_bits(head, slot, late.samples.times)
    if known or len(np.unique(late.samples.times)) < len(late.rows):
        added, conflicts = _choose(head, slot, late, known, overwrite=overwrite)
    else:
        added, conflicts = late.samples, []
    if len(added.times):
        side = head.sides.setdefault(slot, Side())
        if side.histograms:
            for time in added.times.tolist():
                side.histograms.pop(time, None)
        side.floats = side.floats.with_samples(added)
        head.settle_side(slot)
    return conflicts


def _choose(
    head: Head, slot: int, late: LateRows, known: dict[int, int | Sample], *, overwrite: bool
) -> tuple[LateFloats, list[Conflict]]:
    """Return the samples that are to be written, and the rows that contradict known ones."""
    ref = int(head.arrays.meta[slot, REF])
    added: list[tuple[int, int, int]] = []
    conflicts: list[Conflict] = []
    columns = (late.rows, *late.samples)
    for row, time, bits, start in zip(*(column.tolist() for column in columns), strict=True):
        present = known.get(time)
        if present is None or (overwrite and present != bits):
            added.append((time, bits, start))
            known[time] = bits
        elif present != bits:
            stored = present if isinstance(present, Sample) else float_sample(time, present, 0)
            conflicts.append(Conflict(row, ref, stored, float_sample(time, bits, start)))
    return LateFloats(*np.array(added, dtype=np.int64).reshape(-1, 3).T), conflicts


def known_bits(head: Head, slot: int, times: NDArray[np.int64]) -> dict[int, int | Sample]:
    """Return what the series has at some times: the bits of a float, or a histogram sample."""
    low, high = int(times.min()), int(times.max())
    meta = head.arrays.meta[slot]
    known: dict[int, int | Sample] = {}
    side = head.sides.get(slot)
    sources = []
    if meta[COUNT] and meta[FIRST_TIME] <= high:
        sources.append(head.main_samples(slot, low, high))
    if side is not None:
        sources.append(side.floats)
    for source in sources:
        at = np.searchsorted(source.times, times)
        inside = at < len(source.times)
        hit = at[inside][source.times[at[inside]] == times[inside]]
        known.update(zip(source.times[hit].tolist(), source.bits[hit].tolist(), strict=True))
    if side is not None and side.histograms:
        known.update({t: side.histograms[t] for t in times.tolist() if t in side.histograms})
    return known
