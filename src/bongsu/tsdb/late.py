"""
Late float rows on their way into the side buffer: what repeats a stored sample is nothing new, what contradicts one is a conflict.

All rows of a batch are settled by kernels; only conflicts and rows that meet a native histogram cost a Python object each.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.head import CONFLICT, SLOT_BITS, UNKNOWN
from bongsu.kernels.stored import find_stored
from bongsu.storage.raw import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.tsdb.head import Head
    from bongsu.tsdb.records import FloatRows

_SLOT_MASK = (1 << SLOT_BITS) - 1
_INT, _DOUBLE = struct.Struct("<q"), struct.Struct("<d")
_NO_START = 0
"""Start timestamp of the samples that a refusal shows: it tells values apart."""


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


def put_odd_rows(
    head: Head, batch: FloatRows, outcome: NDArray[np.uint8], *, overwrite: bool
) -> list[Conflict]:
    """Write the rows that did not go into open rows; return those that were not written."""
    if not len(outcome) or outcome.max() < CONFLICT:
        return []
    unknown = np.flatnonzero(outcome == UNKNOWN)
    conflicts = [
        Conflict(row, ref, None, None)
        for row, ref in zip(unknown.tolist(), batch.refs[unknown].tolist(), strict=True)
    ]
    odd = np.flatnonzero((outcome >= CONFLICT) & (outcome != UNKNOWN))
    if not len(odd):
        return conflicts
    # By series and time, so that a chunk is decoded once for all rows that fall into it; those of one time stay in their order.
    odd = odd[np.lexsort((batch.times[odd], slots_of(batch.refs[odd])))]
    if head.side.histograms:
        odd, met = _meet_histograms(head, batch, odd, overwrite=overwrite)
        conflicts += met
    return conflicts + _put_late(head, batch, odd, overwrite=overwrite)


def _put_late(head: Head, batch: FloatRows, odd: NDArray[np.int64], *, overwrite: bool) -> list[Conflict]:
    slots = slots_of(batch.refs[odd])
    samples = np.zeros((3, len(odd)), dtype=np.int64)
    samples[0], samples[1] = batch.times[odd], batch.bits[odd]
    if len(batch.starts):
        samples[2] = batch.starts[odd]
    found, known = np.zeros(len(odd), dtype=np.bool_), np.zeros(len(odd), dtype=np.int64)
    find_stored(head.arrays, head.arrays.arena.ctypes.data, slots, samples[0], found, known)
    became = head.side.put_floats(head.arrays, slots, samples, (found, known), overwrite=overwrite)
    refused = np.flatnonzero(became == CONFLICT)
    rows = odd[refused]
    columns = (rows, batch.refs[rows], batch.times[rows], known[refused], batch.bits[rows])
    return [
        Conflict(row, ref, _float_sample(time, present), _float_sample(time, bits))
        for row, ref, time, present, bits in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _meet_histograms(
    head: Head, batch: FloatRows, odd: NDArray[np.int64], *, overwrite: bool
) -> tuple[NDArray[np.int64], list[Conflict]]:
    """Let floats that overwrite take the place of histograms; return the rows that may go on, and the others."""
    conflicts: list[Conflict] = []
    goes_on = np.ones(len(odd), dtype=np.bool_)
    slots = slots_of(batch.refs[odd])
    for i in np.flatnonzero(np.isin(slots, list(head.side.histograms))).tolist():
        row, slot = int(odd[i]), int(slots[i])
        time = int(batch.times[row])
        known = head.side.histograms.get(slot, {}).get(time)
        if known is None:
            continue
        if overwrite:
            head.side.remove_histogram(slot, time)
        else:
            goes_on[i] = False
            received = _float_sample(time, int(batch.bits[row]))
            conflicts.append(Conflict(row, int(batch.refs[row]), known, received))
    return odd[goes_on], conflicts


def _float_sample(time: int, bits: int) -> Sample:
    return Sample(time, _DOUBLE.unpack(_INT.pack(bits))[0], _NO_START)
