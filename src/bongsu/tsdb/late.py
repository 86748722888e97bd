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

from bongsu.kernels.head import CONFLICT, FLAGS, HAS_SIDE, REF, SLOT_BITS, UNKNOWN
from bongsu.kernels.stored import find_stored
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
    """
    Late rows of one series.

    Attributes
    ----------
    rows
        Their places in the batch.
    samples
        In the order that they came in.
    stored
        The bits of the open and sealed samples at their times.
    """

    rows: NDArray[np.int64]
    samples: LateFloats
    stored: dict[int, int]


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
    odd = odd[np.lexsort((batch.times[odd], slots_of(batch.refs[odd])))]
    found, known = _find_stored(head, slots_of(batch.refs[odd]), batch.times[odd])
    # What repeats a sample is nothing new, unless the side buffer, or a row before that overwrites, has another one in its place.
    has_side = head.arrays.meta[slots_of(batch.refs[odd]), FLAGS] & HAS_SIDE != 0
    new = ~found | (known != batch.bits[odd]) | has_side | overwrite
    odd, found, known = odd[new], found[new], known[new]
    if not len(odd):
        return conflicts
    # Rows of one series in the order that they came in.
    order = np.lexsort((odd, slots_of(batch.refs[odd])))
    odd, found, known = odd[order], found[order], known[order]
    slots = slots_of(batch.refs[odd])
    starts = batch.starts[odd] if len(batch.starts) else np.zeros(len(odd), dtype=np.int64)
    columns = (batch.times[odd], batch.bits[odd], starts)
    bounds = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(odd)]
    for low, high in itertools.pairwise(bounds):
        samples = LateFloats(*(column[low:high] for column in columns))
        stored = samples.times[found[low:high]], known[low:high][found[low:high]]
        late = LateRows(odd[low:high], samples, dict(zip(*(c.tolist() for c in stored), strict=True)))
        conflicts += _put_late(head, int(slots[low]), late, overwrite=overwrite)
    return conflicts


def _put_late(head: Head, slot: int, late: LateRows, *, overwrite: bool) -> list[Conflict]:
    """Write rows of one series that are not newer than all of it."""
    known = _known_bits(head.sides.get(slot), late)
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


def _find_stored(
    head: Head, slots: NDArray[np.int64], times: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return of each slot and time whether there is an open or sealed float, and its bits."""
    found = np.zeros(len(slots), dtype=np.bool_)
    bits = np.zeros(len(slots), dtype=np.int64)
    find_stored(head.arrays, head.arrays.arena.ctypes.data, slots, times, found, bits)
    return found, bits


def _known_bits(side: Side | None, late: LateRows) -> dict[int, int | Sample]:
    """Return what the series has at the rows' times: the bits of a float, or a histogram sample."""
    known: dict[int, int | Sample] = dict(late.stored)
    if side is None:
        return known
    times, floats = late.samples.times, side.floats
    at = np.searchsorted(floats.times, times)
    inside = at < len(floats.times)
    hit = at[inside][floats.times[at[inside]] == times[inside]]
    known.update(zip(floats.times[hit].tolist(), floats.bits[hit].tolist(), strict=True))
    if side.histograms:
        known.update({t: side.histograms[t] for t in times.tolist() if t in side.histograms})
    return known
