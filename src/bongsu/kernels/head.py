"""
The head's arenas, and the kernels that write samples into them and list their chunks.

A series has a *slot*. Its newest samples are in its row of `HeadArrays.open`; a full row is sealed into a chunk in the arena,
and the chunks of a series are linked from the newest to the oldest. Values travel as their 64 bits, so every NaN survives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.chunks import chunk_room, decode_chunk, encode_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN_SAMPLES = 64
"""Samples of an open row: 16 minutes at 15 s. 1 KiB a series, and sealed chunks long enough to compress well."""

SEAL_ROOM = chunk_room(OPEN_SAMPLES)
"""Free bytes that sealing a row asks for in the arena."""

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

AT, SIZE, SHAPE, SAMPLES, MIN_TIME, MAX_TIME, PREVIOUS, SLOT = range(8)
"""Columns of `HeadArrays.chunks`; SHAPE is ``codec | flags << 8``, PREVIOUS is -1 in the oldest chunk of a series."""

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
        if meta[OPEN] == OPEN_SAMPLES and not seal(head, slot):
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
def seal(head: HeadArrays, slot: int) -> bool:
    """Turn the open row of a slot into a chunk; False, and nothing done, when there is no room for it."""
    meta = head.meta[slot]
    n = meta[OPEN]
    with_starts = meta[FLAGS] & HAS_STARTS
    chunk = head.cursor[N_CHUNKS]
    at = head.cursor[ARENA_USED]
    if n == 0:
        return True
    if chunk == len(head.chunks) or at + SEAL_ROOM > len(head.arena):
        return False
    starts = head.starts[slot, :n] if with_starts else head.open[slot, 0, :0]
    size, codec = encode_chunk(
        head.open[slot, 0, :n],
        starts,
        head.open[slot, 1, :n],
        np.empty(3 * OPEN_SAMPLES + 65, dtype=np.int64),
        head.arena[at : at + SEAL_ROOM],
    )
    entry = head.chunks[chunk]
    entry[AT] = at
    entry[SIZE] = size
    entry[SHAPE] = codec | (1 << 8 if with_starts else 0)
    entry[SAMPLES] = n
    entry[MIN_TIME] = head.open[slot, 0, 0]
    entry[MAX_TIME] = head.open[slot, 0, n - 1]
    entry[PREVIOUS] = meta[LAST_CHUNK]
    entry[SLOT] = slot
    head.cursor[N_CHUNKS] = chunk + 1
    head.cursor[ARENA_USED] = at + size
    meta[LAST_CHUNK] = chunk
    meta[OPEN] = 0
    meta[FLAGS] &= ~HAS_STARTS
    return True


@kernel
def drop_before(head: HeadArrays, old: HeadArrays, floor_ms: int) -> None:
    """
    Forget the samples before a time.

    The chunks that stay go from the arena of `old` to that of `head`, which is empty and has room for them and for one more chunk
    for each that must be cut; lines and open rows are those of both, and change in place.
    """
    scratch = np.empty(3 * OPEN_SAMPLES + 65, dtype=np.int64)
    times = np.empty(OPEN_SAMPLES, dtype=np.int64)
    starts = np.empty(OPEN_SAMPLES, dtype=np.int64)
    values = np.empty(OPEN_SAMPLES, dtype=np.float64)
    for slot in range(len(head.meta)):
        meta = head.meta[slot]
        if meta[REF] < 0 or meta[COUNT] == 0:
            continue
        stop = meta[OPEN]
        begin = int(np.searchsorted(head.open[slot, 0, :stop], floor_ms, side="left"))
        if begin > 0:
            for i in range(begin, stop):
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
            source = old.chunks[chunk]
            kept = head.cursor[N_CHUNKS]
            at = head.cursor[ARENA_USED]
            entry = head.chunks[kept]
            entry[:] = source
            entry[AT] = at
            if source[MIN_TIME] >= floor_ms:
                for b in range(source[SIZE]):
                    head.arena[at + b] = old.arena[source[AT] + b]
            else:
                n = source[SAMPLES]
                flags = source[SHAPE] >> 8 & 0xFF
                decode_chunk(
                    old.arena,
                    source[SHAPE] & 0xFF,
                    flags,
                    source[AT],
                    source[MIN_TIME],
                    source[MAX_TIME],
                    times[:n],
                    values,
                    starts,
                )
                first = int(np.searchsorted(times[:n], floor_ms, side="left"))
                size, codec = encode_chunk(
                    times[first:n],
                    starts[first:n] if flags & 1 else starts[:0],
                    values[first:n].view(np.int64),
                    scratch,
                    head.arena[at:],
                )
                entry[SIZE] = size
                entry[SHAPE] = codec | flags << 8
                entry[SAMPLES] = n - first
                entry[MIN_TIME] = times[first]
            entry[PREVIOUS] = -1
            if newer >= 0:
                head.chunks[newer, PREVIOUS] = kept
            else:
                meta[LAST_CHUNK] = kept
            newer = kept
            meta[COUNT] += entry[SAMPLES]
            meta[FIRST_TIME] = entry[MIN_TIME]
            head.cursor[N_CHUNKS] = kept + 1
            head.cursor[ARENA_USED] = at + entry[SIZE]
            chunk = source[PREVIOUS]


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


@kernel
def gather_bytes(
    source: NDArray[np.uint8],
    source_at: NDArray[np.int64],
    sizes: NDArray[np.int64],
    target: NDArray[np.uint8],
    target_at: NDArray[np.int64],
) -> None:
    """Copy pieces of `source` into `target`."""
    for i in range(len(sizes)):
        # A plain loop becomes one memory copy; assigning slices took ten times as long for pieces of a hundred bytes.
        for k in range(sizes[i]):
            target[target_at[i] + k] = source[source_at[i] + k]
