"""
Late samples of a head in columns: floats that open rows cannot take, of all series together, in the order that they came in.

Entries of one series are linked from the newest to the oldest to come in, and a hash table finds one by its series and time. Entries
never move before `keep_late`, and readers copy what they want.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.head import CONFLICT, FLAGS, HAS_SIDE, LAST_IN_SIDE, LAST_TIME, SAME, WRITTEN, HeadArrays
from bongsu.kernels.merge import BITS, FLOAT, SIZE, START, TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATE_SLOT, LATE_TIME, LATE_BITS, LATE_START = range(4)
"""Columns of `LateArrays.entries`."""

NO_SLOT = -1
"""LATE_SLOT of an entry that was taken back; nothing finds it any more."""

EMPTY = -1


class LateArrays(NamedTuple):
    """
    The late samples of one head.

    Attributes
    ----------
    entries : ndarray of int64, shape (n_entries, 4)
    links : ndarray of int32, shape (n_entries,)
        The entry of the same series that came before, or `EMPTY`.
    last : ndarray of int32, shape (n_slots,)
        The entry of each series that came last, or `EMPTY`.
    table : ndarray of int32
        Entries by hash of series and time, with linear probing; a power of two, at least twice the entries.
    cursor : ndarray of int64, shape (2,)
        Entries in use, and how many of them were not taken back.
    """

    entries: NDArray[np.int64]
    links: NDArray[np.int32]
    last: NDArray[np.int32]
    table: NDArray[np.int32]
    cursor: NDArray[np.int64]


N_ENTRIES, N_LIVE = range(2)
"""Entries of `LateArrays.cursor`."""


@inner_kernel
def _probe(late: LateArrays, slot: int, time: int) -> int:
    """Return where in the table the entry of a series and time is, or would go."""
    mask = len(late.table) - 1
    # Multipliers of the finalizer of MurmurHash3: times are multiples of a scrape interval, slots neighbours.
    mixed = (np.uint64(slot) * np.uint64(0xFF51AFD7ED558CCD)) ^ np.uint64(time)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    at = np.int64(mixed >> np.uint64(33)) & mask
    while late.table[at] != EMPTY:
        entry = late.entries[late.table[at]]
        if entry[LATE_TIME] == time and entry[LATE_SLOT] == slot:
            break
        at = (at + 1) & mask
    return int(at)


@inner_kernel
def _enter(late: LateArrays, place: int, slot: int, time: int, bits: int, start: int) -> None:
    """Add an entry, for which there is room, at a place of the table that is free."""
    number = late.cursor[N_ENTRIES]
    entry = late.entries[number]
    entry[LATE_SLOT], entry[LATE_TIME], entry[LATE_BITS], entry[LATE_START] = slot, time, bits, start
    late.links[number] = late.last[slot]
    late.last[slot] = number
    late.table[place] = number
    late.cursor[N_ENTRIES] = number + 1
    late.cursor[N_LIVE] += 1


@kernel
def take_back(late: LateArrays, number: int) -> None:
    """Forget the sample of an entry."""
    late.entries[number, LATE_SLOT] = NO_SLOT
    late.cursor[N_LIVE] -= 1


@kernel
def take_back_all(late: LateArrays, slots: NDArray[np.int64]) -> None:
    """Forget the samples of series."""
    for i in range(len(slots)):
        number = late.last[slots[i]]
        while number != EMPTY:
            if late.entries[number, LATE_SLOT] != NO_SLOT:
                take_back(late, number)
            number = late.links[number]
        late.last[slots[i]] = EMPTY


@kernel
def put_late(
    head: HeadArrays,
    late: LateArrays,
    slots: NDArray[np.int64],
    samples: NDArray[np.int64],
    found: NDArray[np.bool_],
    known: NDArray[np.int64],
    overwrite: bool,
    outcome: NDArray[np.uint8],
) -> None:
    """
    Write late floats, of one series and time in the order that they came in.

    Parameters
    ----------
    samples : ndarray of int64, shape (3, n_rows)
        Times, bits, start timestamps.
    found, known : ndarray, shape (n_rows,)
        Whether the open row or a chunk has a sample at the time, and its bits; `known` is overwritten with what a `CONFLICT` met.
    outcome : ndarray of uint8, shape (n_rows,)
        Filled: `WRITTEN`, `SAME` or `CONFLICT`.
    """
    for i in range(len(slots)):
        slot, time, bits = slots[i], samples[0, i], samples[1, i]
        place = _probe(late, slot, time)
        number = late.table[place]
        if number != EMPTY:
            known[i] = late.entries[number, LATE_BITS]
        if (number != EMPTY or found[i]) and (known[i] == bits or not overwrite):
            outcome[i] = SAME if known[i] == bits else CONFLICT
            continue
        if number != EMPTY:
            # A new entry, not the old one changed: a flush knows by the number of an entry what came after it began.
            take_back(late, number)
        _enter(late, place, slot, time, bits, samples[2, i])
        meta = head.meta[slot]
        meta[FLAGS] |= HAS_SIDE
        if time >= meta[LAST_TIME]:
            meta[LAST_TIME] = time
            meta[FLAGS] |= LAST_IN_SIDE
        outcome[i] = WRITTEN


@kernel
def find_late(late: LateArrays, slot: int, time: int) -> int:
    """Return the entry of a series and time, `EMPTY` if there is none."""
    return int(late.table[_probe(late, slot, time)])


@kernel
def rehash_late(late: LateArrays) -> None:
    """Fill an empty table with all entries."""
    for i in range(late.cursor[N_ENTRIES]):
        entry = late.entries[i]
        if entry[LATE_SLOT] != NO_SLOT:
            late.table[_probe(late, entry[LATE_SLOT], entry[LATE_TIME])] = i


@kernel
def count_late(
    late: LateArrays, slots: NDArray[np.int64], start_ms: int, end_ms: int, out: NDArray[np.int64]
) -> None:
    """Write how many late samples of each slot lie in a closed range."""
    for i in range(len(slots)):
        n = 0
        number = late.last[slots[i]]
        while number != EMPTY:
            entry = late.entries[number]
            n += entry[LATE_SLOT] != NO_SLOT and start_ms <= entry[LATE_TIME] <= end_ms
            number = late.links[number]
        out[i] = n


@kernel
def copy_late(
    late: LateArrays,
    slots: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    ends: NDArray[np.int64],
    out: NDArray[np.int64],
) -> bool:
    """
    Write the late samples of each slot in a closed range, the last to come in at the end; tell whether all are in order of time.

    Parameters
    ----------
    ends : ndarray of int64, shape (n_slots,)
        Where the samples of each slot end in `out`, by `count_late`.
    out : ndarray of int64, shape (4, n_samples)
        A sample table as in `bongsu.kernels.merge`.
    """
    in_order = True
    for i in range(len(slots)):
        at = ends[i]
        number = late.last[slots[i]]
        while number != EMPTY:
            entry = late.entries[number]
            if entry[LATE_SLOT] != NO_SLOT and start_ms <= entry[LATE_TIME] <= end_ms:
                in_order = in_order and (at == ends[i] or entry[LATE_TIME] < out[TIME, at])
                at -= 1
                out[TIME, at] = entry[LATE_TIME]
                out[BITS, at] = entry[LATE_BITS]
                out[START, at] = entry[LATE_START]
                out[SIZE, at] = FLOAT
            number = late.links[number]
    return in_order


@kernel
def keep_late(old: LateArrays, stays: NDArray[np.bool_], late: LateArrays) -> None:
    """Move the entries that stay, in their order, to arrays that are empty and have room."""
    for i in range(len(stays)):
        if stays[i]:
            entry = old.entries[i]
            place = _probe(late, entry[LATE_SLOT], entry[LATE_TIME])
            _enter(late, place, entry[LATE_SLOT], entry[LATE_TIME], entry[LATE_BITS], entry[LATE_START])
