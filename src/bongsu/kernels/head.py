"""
The head's arenas, and the kernels that write samples into them and list their chunks.

A series has a *slot*. Its newest samples are in its row of `HeadArrays.open`; a full row is sealed into a chunk in the arena,
and the chunks of a series are linked from the newest to the oldest. Values travel as their 64 bits, so every NaN survives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN_SAMPLES = 64
"""Samples of an open row: 16 minutes at 15 s. 1 KiB a series, and sealed chunks long enough to compress well."""

SLOT_BITS = 32
"""A reference is ``generation << 32 | slot``: slots are used again, references never."""

REF, OPEN, LAST_TIME, LAST_BITS, LAST_CHUNK, FLAGS, COUNT, FIRST_TIME = range(8)
"""
Columns of `HeadArrays.meta`: one 64-byte line a series.

REF is -1 in a free slot. OPEN counts the samples in the open row. LAST_TIME and LAST_BITS repeat the newest in-order sample.
COUNT counts sealed and open samples, FIRST_TIME is the oldest of them; histograms and late samples are in side buffers.
"""

HAS_STARTS, HAS_SIDE, LAST_IN_SIDE = 1, 2, 4
"""Bits of FLAGS: the open row has start timestamps; the series has samples in a side buffer; its newest is there."""

AT, SIZE, SHAPE, SAMPLES, MIN_TIME, MAX_TIME = (
    ENTRY_AT,
    ENTRY_SIZE,
    ENTRY_SHAPE,
    ENTRY_SAMPLES,
    ENTRY_MIN_TIME,
    ENTRY_MAX_TIME,
)
PREVIOUS, SLOT = 6, 7
"""Columns of `HeadArrays.chunks`: those of every chunk table, the next older chunk of the series (-1: none), and its slot."""

N_CHUNKS, ARENA_USED, FLOOR = range(3)
"""Entries of `HeadArrays.cursor`. Samples before the floor are late, however new they are: a block of their time is being written."""

WRITTEN, SAME, CONFLICT, LATE, UNKNOWN, FULL, NEEDS_STARTS = range(7)
"""Outcome of a row; the last two ask for room and for the same row again."""

_NO_TIME = -(1 << 63)


class HeadArrays(NamedTuple):
    """
    The arenas of one head.

    Attributes
    ----------
    meta : ndarray of int64, shape (n_slots, 8)
    open : ndarray of int64, shape (n_slots, 2, OPEN_SAMPLES)
        Times, and the bits of the values.
    starts : ndarray of int64, shape (n_slots, OPEN_SAMPLES), or (0, OPEN_SAMPLES) until a start timestamp was seen
    chunks : ndarray of int64, shape (n_chunks, 8)
    arena : ndarray of uint8
        Chunk bytes, each chunk at a multiple of 8.
    cursor : ndarray of int64, shape (3,)
    """

    meta: NDArray[np.int64]
    open: NDArray[np.int64]
    starts: NDArray[np.int64]
    chunks: NDArray[np.int64]
    arena: NDArray[np.uint8]
    cursor: NDArray[np.int64]


@kernel
def append_rows(
    head: HeadArrays,
    refs: NDArray[np.int64],
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    starts: NDArray[np.int64],
    row: int,
    outcome: NDArray[np.uint8],
) -> int:
    """
    Write the rows from `row` on that are newer than all of their series; tell of each what became of it.

    `starts` has length 0 or one entry per row. Returns the row that must come again after `FULL` or `NEEDS_STARTS`, or the
    number of rows.
    """
    n_slots = len(head.meta)
    while row < len(refs):
        slot = refs[row] & ((1 << SLOT_BITS) - 1)
        if refs[row] < 0 or slot >= n_slots or head.meta[slot, REF] != refs[row]:
            outcome[row] = UNKNOWN
            row += 1
            continue
        meta = head.meta[slot]
        time = times[row]
        if time <= meta[LAST_TIME]:
            if time == meta[LAST_TIME] and not meta[FLAGS] & LAST_IN_SIDE:
                outcome[row] = SAME if bits[row] == meta[LAST_BITS] else CONFLICT
            else:
                outcome[row] = LATE
            row += 1
            continue
        if time < head.cursor[FLOOR]:
            outcome[row] = LATE
            row += 1
            continue
        start = starts[row] if len(starts) > 0 else 0
        if start != 0 and len(head.starts) == 0:
            outcome[row] = NEEDS_STARTS
            return row
        if meta[OPEN] == OPEN_SAMPLES:
            outcome[row] = FULL
            return row
        at = meta[OPEN]
        head.open[slot, 0, at] = time
        head.open[slot, 1, at] = bits[row]
        if start != 0:
            if not meta[FLAGS] & HAS_STARTS:
                head.starts[slot, :] = 0
                meta[FLAGS] |= HAS_STARTS
            head.starts[slot, at] = start
        elif meta[FLAGS] & HAS_STARTS:
            head.starts[slot, at] = 0
        if meta[COUNT] == 0:
            meta[FIRST_TIME] = time
        meta[LAST_TIME] = time
        meta[LAST_BITS] = bits[row]
        meta[FLAGS] &= ~LAST_IN_SIDE
        meta[COUNT] += 1
        meta[OPEN] = at + 1
        outcome[row] = WRITTEN
        row += 1
    return row


@kernel
def full_slots(head: HeadArrays, refs: NDArray[np.int64], row: int, out: NDArray[np.int64]) -> int:
    """Write the slots of the rows from `row` on whose open row is full, each once; return how many. `out` has room for all rows."""
    n = 0
    for i in range(row, len(refs)):
        slot = refs[i] & ((1 << SLOT_BITS) - 1)
        if refs[i] < 0 or slot >= len(head.meta) or head.meta[slot, REF] != refs[i]:
            continue
        if head.meta[slot, OPEN] == OPEN_SAMPLES:
            out[n] = slot
            n += 1
            head.meta[slot, OPEN] = -OPEN_SAMPLES  # seen; put right below
    for i in range(n):
        head.meta[out[i], OPEN] = OPEN_SAMPLES
    return n


@kernel
def take_open(
    head: HeadArrays,
    slots: NDArray[np.int64],
    out_times: NDArray[np.int64],
    out_bits: NDArray[np.int64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write full open rows one after another; start timestamps, 0 where there are none, if `out_starts` has room."""
    for i in range(len(slots)):
        slot = slots[i]
        with_starts = head.meta[slot, FLAGS] & HAS_STARTS
        for k in range(OPEN_SAMPLES):
            out_times[i * OPEN_SAMPLES + k] = head.open[slot, 0, k]
            out_bits[i * OPEN_SAMPLES + k] = head.open[slot, 1, k]
            if len(out_starts) > 0:
                out_starts[i * OPEN_SAMPLES + k] = head.starts[slot, k] if with_starts else 0


@kernel
def seal_rows(
    head: HeadArrays, slots: NDArray[np.int64], chunks: NDArray[np.int64], data: NDArray[np.uint8], size: int
) -> None:
    """Put encoded chunks, one for each slot, into the arena, which has room, and empty the open rows."""
    at = head.cursor[ARENA_USED]
    for b in range(size):
        head.arena[at + b] = data[b]
    for i in range(len(slots)):
        meta = head.meta[slots[i]]
        chunk = head.cursor[N_CHUNKS]
        entry = head.chunks[chunk]
        entry[:] = chunks[i]
        entry[AT] += at
        entry[PREVIOUS] = meta[LAST_CHUNK]
        entry[SLOT] = slots[i]
        head.cursor[N_CHUNKS] = chunk + 1
        meta[LAST_CHUNK] = chunk
        meta[OPEN] = 0
        meta[FLAGS] &= ~HAS_STARTS
    head.cursor[ARENA_USED] = at + size


@kernel
def drop_before(
    head: HeadArrays,
    old: HeadArrays,
    floor_ms: int,
    cut: NDArray[np.int64],
    cut_chunks: NDArray[np.int64],
    cut_data: NDArray[np.uint8],
) -> None:
    """
    Forget the samples before a time.

    The chunks that stay go from the arena of `old` to that of `head`, which is empty and has room for them; lines and open rows are
    those of both, and change in place.

    Parameters
    ----------
    cut : ndarray of int64, shape (chunks of `old`,)
        For a chunk that the time runs through, the row of `cut_chunks` that has what stays of it; else -1.
    """
    for slot in range(len(head.meta)):
        meta = head.meta[slot]
        if meta[REF] < 0 or meta[COUNT] == 0:
            continue
        stop = meta[OPEN]
        begin = int(np.searchsorted(head.open[slot, 0, :stop], floor_ms, side="left"))
        for i in range(begin, stop if begin > 0 else 0):
            head.open[slot, 0, i - begin] = head.open[slot, 0, i]
            head.open[slot, 1, i - begin] = head.open[slot, 1, i]
            if meta[FLAGS] & HAS_STARTS:
                head.starts[slot, i - begin] = head.starts[slot, i]
        meta[OPEN] = stop - begin
        meta[COUNT] = stop - begin
        meta[FIRST_TIME] = head.open[slot, 0, 0] if stop > begin else _NO_TIME
        chunk = meta[LAST_CHUNK]
        newer = -1
        meta[LAST_CHUNK] = -1
        while chunk >= 0 and old.chunks[chunk, MAX_TIME] >= floor_ms:
            is_cut = cut[chunk] >= 0
            source = cut_chunks[cut[chunk]] if is_cut else old.chunks[chunk]
            data = cut_data if is_cut else old.arena
            kept = head.cursor[N_CHUNKS]
            at = head.cursor[ARENA_USED]
            for b in range(source[SIZE]):
                head.arena[at + b] = data[source[AT] + b]
            entry = head.chunks[kept]
            entry[:] = source
            entry[AT] = at
            entry[SLOT] = slot
            entry[PREVIOUS] = -1
            if newer >= 0:
                head.chunks[newer, PREVIOUS] = kept
            else:
                meta[LAST_CHUNK] = kept
            newer = kept
            meta[COUNT] += source[SAMPLES]
            meta[FIRST_TIME] = source[MIN_TIME]
            head.cursor[N_CHUNKS] = kept + 1
            head.cursor[ARENA_USED] = at + source[SIZE]
            chunk = old.chunks[chunk, PREVIOUS]


@kernel
def measure_slots(
    head: HeadArrays,
    slots: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    out_chunks: NDArray[np.int64],
    out_open: NDArray[np.int64],
    out_samples: NDArray[np.int64],
) -> None:
    """Write, for each slot, how many sealed chunks and how many open samples lie in the range, and an upper bound of samples."""
    for i in range(len(slots)):
        meta = head.meta[slots[i]]
        n_chunks = 0
        n_samples = 0
        chunk = meta[LAST_CHUNK]
        while chunk >= 0:
            entry = head.chunks[chunk]
            if entry[MAX_TIME] < start_ms:
                break
            if entry[MIN_TIME] <= end_ms:
                n_chunks += 1
                n_samples += entry[SAMPLES]
            chunk = entry[PREVIOUS]
        times = head.open[slots[i], 0, : meta[OPEN]]
        first = np.searchsorted(times, start_ms, side="left")
        stop = np.searchsorted(times, end_ms, side="right")
        out_chunks[i] = n_chunks
        out_open[i] = stop - first
        out_samples[i] = n_samples + (stop - first)


@kernel
def list_slots(
    head: HeadArrays,
    slots: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    first: NDArray[np.int64],
    out_chunks: NDArray[np.int64],
    open_at: NDArray[np.int64],
    out_open: NDArray[np.uint8],
) -> None:
    """
    Write the chunks of each slot that touch the range, oldest first, and copy the open samples in it as one raw chunk.

    Parameters
    ----------
    first : ndarray of int64, shape (n_slots + 1,)
        Where the chunks of each slot go in `out_chunks`: sealed ones, then the open one, if any.
    out_chunks : ndarray of int64, shape (n_chunks, 8)
        As `HeadArrays.chunks`; AT of an open chunk points into `out_open`, its PREVIOUS is -2.
    open_at : ndarray of int64, shape (n_slots,)
        Where the open samples of each slot go in `out_open`.
    """
    for i in range(len(slots)):
        slot = slots[i]
        meta = head.meta[slot]
        at = first[i + 1]
        times = head.open[slot, 0, : meta[OPEN]]
        begin = np.searchsorted(times, start_ms, side="left")
        stop = np.searchsorted(times, end_ms, side="right")
        n = stop - begin
        if n > 0:
            at -= 1
            with_starts = meta[FLAGS] & HAS_STARTS
            size = n * (24 if with_starts else 16)
            words = out_open[open_at[i] : open_at[i] + size].view(np.int64)
            words[:n] = times[begin:stop]
            if with_starts:
                words[n : 2 * n] = head.starts[slot, begin:stop]
            words[len(words) - n :] = head.open[slot, 1, begin:stop]
            entry = out_chunks[at]
            entry[AT] = open_at[i]
            entry[SIZE] = size
            entry[SHAPE] = (1 << 8) if with_starts else 0
            entry[SAMPLES] = n
            entry[MIN_TIME] = times[begin]
            entry[MAX_TIME] = times[stop - 1]
            entry[PREVIOUS] = -2
            entry[SLOT] = slot
        chunk = meta[LAST_CHUNK]
        while chunk >= 0 and at > first[i]:
            if head.chunks[chunk, MAX_TIME] < start_ms:
                break
            if head.chunks[chunk, MIN_TIME] <= end_ms:
                at -= 1
                out_chunks[at] = head.chunks[chunk]
            chunk = head.chunks[chunk, PREVIOUS]
