"""
The head's arenas, and the kernels that write samples into them and list their chunks.

A series has a *slot*. Its newest samples are in its row of `HeadArrays.open`; a full row is sealed into a chunk in the arena,
and the chunks of a series are linked from the newest to the oldest. Values travel as their 64 bits, so every NaN survives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
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
"""Samples of an open row: 16 minutes at 15 s, and sealed chunks long enough to compress well."""

ROW_BASE, ROW_OFFSETS, ROW_BITS, ROW_WORDS = 0, 1, 1 + OPEN_SAMPLES // 2, 1 + OPEN_SAMPLES // 2 + OPEN_SAMPLES
"""
Words of an open row: a time, the distances of all samples from it, 32 bits each, and the bits of the values; 12 bytes a sample.

A sample too far from the base, 49 days, seals the row.
"""

MAX_OFFSET = (1 << 32) - 1

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

CHUNK_PLACE, CHUNK_MIN, CHUNK_MAX, CHUNK_LINK = range(4)
"""
Columns of `HeadArrays.chunks`, half as wide as a chunk table: ``place << 16 | flags << 8 | codec``; first and last time;
``previous << 32 | samples << 16 | words``, the next older chunk of the series in the upper half (-1: none).
"""

IS_OPEN = 6
"""Column of what `list_slots` writes, beside those of a chunk table: 1 for a copy of an open row."""

N_CHUNKS, ARENA_USED, FLOOR = range(3)
"""Entries of `HeadArrays.cursor`. Samples before the floor are late, however new they are: a block of their time is being written."""

KEPT_NEWEST, KEPT_SAMPLES, KEPT_FIRST = range(3)
"""Columns of what `copy_sealed` tells of each slot."""

WRITTEN, SAME, CONFLICT, LATE, UNKNOWN, PENDING = range(6)
"""Outcome of a row; it is pending before it has one, and while its series' open row has no room for it."""

_NO_TIME = -(1 << 63)


class HeadArrays(NamedTuple):
    """
    The arenas of one head.

    Attributes
    ----------
    meta : ndarray of int64, shape (n_slots, 8)
    open : ndarray of int64, shape (n_slots, ROW_WORDS)
    starts : ndarray of int64, shape (n_slots, OPEN_SAMPLES), or (0, OPEN_SAMPLES) until a start timestamp was seen
    chunks : ndarray of int64, shape (n_chunks, 4)
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
    ahead: int,
    outcome: NDArray[np.uint8],
) -> int:
    """
    Write the pending rows from `row` on that are newer than all of their series; tell of each what became of it.

    A row of a series whose open row is full stays pending, and the `ahead` rows from the first such one on are gone through, so that all open
    rows that they fill are sealed together. One that is too far from an open row with room stays pending too, and ends the pass: those
    behind it might fit. `starts` has length 0 or one entry per row; `head.starts` has room if one of them is
    not 0. Returns the first row that is pending, or the number of rows.
    """
    n_slots = len(head.meta)
    first_pending = stop = len(refs)
    while row < stop:
        if outcome[row] != PENDING:
            row += 1
            continue
        slot = refs[row] & ((1 << SLOT_BITS) - 1)
        if refs[row] < 0 or slot >= n_slots or head.meta[slot, REF] != refs[row]:
            outcome[row] = UNKNOWN
            row += 1
            continue
        meta = head.meta[slot]
        if first_pending < row and meta[OPEN] == OPEN_SAMPLES:
            row += 1  # one of its series that came before it may be pending
            continue
        time = times[row]
        if time <= meta[LAST_TIME]:
            if time == meta[LAST_TIME] and not meta[FLAGS] & LAST_IN_SIDE:
                outcome[row] = SAME if bits[row] == meta[LAST_BITS] else CONFLICT
            elif not meta[FLAGS] & HAS_SIDE and _repeats_open(head, slot, time, bits[row]):
                outcome[row] = SAME
            else:
                outcome[row] = LATE
            row += 1
            continue
        if time < head.cursor[FLOOR]:
            outcome[row] = LATE
            row += 1
            continue
        at = meta[OPEN]
        open_row = head.open[slot]
        if at == 0:
            open_row[ROW_BASE] = time
        if at == OPEN_SAMPLES or np.uint64(time - open_row[ROW_BASE]) > np.uint64(MAX_OFFSET):
            first_pending = min(first_pending, row)
            stop = min(stop, row + (ahead if at == OPEN_SAMPLES else 1))
            row += 1
            continue
        open_row[ROW_OFFSETS:ROW_BITS].view(np.uint32)[at] = np.uint32(time - open_row[ROW_BASE])
        open_row[ROW_BITS + at] = bits[row]
        start = starts[row] if len(starts) > 0 else 0
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
    return first_pending


@inner_kernel
def _repeats_open(head: HeadArrays, slot: int, time: int, bits: int) -> bool:
    """Tell whether the open row has this very sample: a sender that got no answer sends its last request again."""
    row = head.open[slot]
    offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)[: head.meta[slot, OPEN]]
    at = place_of(offsets, time - row[ROW_BASE])
    return bool(at >= 0 and row[ROW_BITS + at] == bits)


@inner_kernel
def place_of(rising: NDArray[np.int64], wanted: int) -> int:
    """Return where a number stands, -1 if it does not."""
    low, high = 0, len(rising)
    while low < high:
        middle = (low + high) >> 1
        if np.int64(rising[middle]) < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < len(rising) and np.int64(rising[low]) == wanted else -1


@kernel
def pending_slots(
    head: HeadArrays, refs: NDArray[np.int64], outcome: NDArray[np.uint8], out: NDArray[np.int64]
) -> int:
    """Write the slots of the first row and of all pending rows whose open row is full, each once; return how many. `out` has room for one a row."""
    n = 1
    out[0] = refs[0] & ((1 << SLOT_BITS) - 1)
    first_open = head.meta[out[0], OPEN]
    head.meta[out[0], OPEN] = -1  # seen; put right below
    for row in range(1, len(refs)):
        slot = refs[row] & ((1 << SLOT_BITS) - 1)
        if refs[row] < 0 or slot >= len(head.meta) or head.meta[slot, REF] != refs[row]:
            continue
        if outcome[row] == PENDING and head.meta[slot, OPEN] == OPEN_SAMPLES:
            out[n] = slot
            n += 1
            head.meta[slot, OPEN] = -1
    for i in range(n):
        head.meta[out[i], OPEN] = OPEN_SAMPLES
    head.meta[out[0], OPEN] = first_open
    return n


@kernel
def take_open(
    head: HeadArrays,
    slots: NDArray[np.int64],
    out_times: NDArray[np.int64],
    out_bits: NDArray[np.int64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write open rows one after another; start timestamps, 0 where there are none, if `out_starts` has room."""
    at = 0
    for i in range(len(slots)):
        slot = slots[i]
        with_starts = head.meta[slot, FLAGS] & HAS_STARTS
        row = head.open[slot]
        offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
        for k in range(head.meta[slot, OPEN]):
            out_times[at] = row[ROW_BASE] + np.int64(offsets[k])
            out_bits[at] = row[ROW_BITS + k]
            if len(out_starts) > 0:
                out_starts[at] = head.starts[slot, k] if with_starts else 0
            at += 1


@kernel
def put_open(
    head: HeadArrays, slots: NDArray[np.int64], times: NDArray[np.int64], bits: NDArray[np.int64]
) -> None:
    """Fill open rows, whose counts are in their lines, with what `take_open` wrote."""
    at = 0
    for i in range(len(slots)):
        row = head.open[slots[i]]
        offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
        for k in range(head.meta[slots[i], OPEN]):
            if k == 0:
                row[ROW_BASE] = times[at]
            offsets[k] = np.uint32(times[at] - row[ROW_BASE])
            row[ROW_BITS + k] = bits[at]
            at += 1


@inner_kernel
def narrow_entry(wide: NDArray[np.int64], at: int, previous: int, out: NDArray[np.int64]) -> None:
    """Write an entry of a chunk table as the head keeps it."""
    out[CHUNK_PLACE] = at << 16 | wide[ENTRY_SHAPE]
    out[CHUNK_MIN] = wide[ENTRY_MIN_TIME]
    out[CHUNK_MAX] = wide[ENTRY_MAX_TIME]
    out[CHUNK_LINK] = previous << 32 | wide[ENTRY_SAMPLES] << 16 | wide[ENTRY_SIZE] >> 3


@inner_kernel
def widen_entry(chunk: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write an entry of the head as one of a chunk table; its place is relative to the arena."""
    out[ENTRY_AT] = chunk[CHUNK_PLACE] >> 16
    out[ENTRY_SIZE] = (chunk[CHUNK_LINK] & 0xFFFF) << 3
    out[ENTRY_SHAPE] = chunk[CHUNK_PLACE] & 0xFFFF
    out[ENTRY_SAMPLES] = chunk[CHUNK_LINK] >> 16 & 0xFFFF
    out[ENTRY_MIN_TIME] = chunk[CHUNK_MIN]
    out[ENTRY_MAX_TIME] = chunk[CHUNK_MAX]


@kernel
def widen_entries(chunks: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write entries of the head as a chunk table; places are relative to the arena."""
    for i in range(len(chunks)):
        widen_entry(chunks[i], out[i])


@kernel
def narrow_entries(wide: NDArray[np.int64], previous: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write a chunk table, whose places are relative to the arena, as entries of the head."""
    for i in range(len(wide)):
        narrow_entry(wide[i], wide[i, ENTRY_AT], previous[i], out[i])


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
        narrow_entry(chunks[i], at + chunks[i, ENTRY_AT], meta[LAST_CHUNK], head.chunks[chunk])
        head.cursor[N_CHUNKS] = chunk + 1
        meta[LAST_CHUNK] = chunk
        meta[OPEN] = 0
        meta[FLAGS] &= ~HAS_STARTS
    head.cursor[ARENA_USED] = at + size


@inner_kernel
def _first_from(row: NDArray[np.int64], count: int, time: int) -> int:
    """Return how many samples of an open row are before a time."""
    offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
    n = 0
    while n < count and row[ROW_BASE] + np.int64(offsets[n]) < time:
        n += 1
    return n


@inner_kernel
def _drop_open(head: HeadArrays, slot: int, floor_ms: int) -> None:
    """Forget the open samples before a time."""
    meta = head.meta[slot]
    row = head.open[slot]
    stop = meta[OPEN]
    begin = _first_from(row, stop, floor_ms)
    offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
    for i in range(begin, stop if begin > 0 else 0):
        offsets[i - begin] = offsets[i]
        row[ROW_BITS + i - begin] = row[ROW_BITS + i]
        if meta[FLAGS] & HAS_STARTS:
            head.starts[slot, i - begin] = head.starts[slot, i]
    meta[OPEN] = stop - begin
    meta[COUNT] = stop - begin
    meta[FIRST_TIME] = row[ROW_BASE] + np.int64(offsets[0]) if stop > begin else _NO_TIME


@inner_kernel
def _copy_chunk(head: HeadArrays, source: NDArray[np.int64], data: NDArray[np.uint8], newer: int) -> int:
    """Put a chunk of a chunk table into the arena, which has room, as the one before `newer`, if that is one; return its number."""
    number = head.cursor[N_CHUNKS]
    at = head.cursor[ARENA_USED]
    for b in range(source[ENTRY_SIZE]):
        head.arena[at + b] = data[source[ENTRY_AT] + b]
    narrow_entry(source, at, -1, head.chunks[number])
    if newer >= 0:
        _link(head, newer, number)
    head.cursor[N_CHUNKS] = number + 1
    head.cursor[ARENA_USED] = at + source[ENTRY_SIZE]
    return int(number)


@inner_kernel
def _link(head: HeadArrays, newer: int, older: int) -> None:
    """Let a chunk be the one before another."""
    head.chunks[newer, CHUNK_LINK] = older << 32 | head.chunks[newer, CHUNK_LINK] & MAX_OFFSET


@kernel
def copy_sealed(
    head: HeadArrays,
    old: HeadArrays,
    newest: NDArray[np.int64],
    oldest: int,
    floor_ms: int,
    cut: NDArray[np.int64],
    cut_chunks: NDArray[np.int64],
    cut_data: NDArray[np.uint8],
    kept: NDArray[np.int64],
) -> None:
    """
    Copy chunks with samples from a time on to the arena of `head`, which has room for them.

    Nothing but chunks is read of `old`, and those never change: no lock is needed.

    Parameters
    ----------
    newest : ndarray of int64, shape (n_slots,)
        Number of the newest chunk of each slot, -1 where it has none.
    oldest
        Number of the first chunk to copy; where some of a slot were copied before, it goes on with those.
    cut : ndarray of int64, shape (chunks of `old` from `oldest` on,)
        For a chunk that the time runs through, the row of `cut_chunks` that has what stays of it; else -1.
    kept : ndarray of int64, shape (n_slots, 3)
        Of each slot the number of its newest chunk in `head`, the samples that were copied, and the first time of these: -1 and 0 before the
        first call.
    """
    source = np.zeros(8, dtype=np.int64)
    for slot in range(len(newest)):
        chunk = newest[slot]
        before = kept[slot, KEPT_NEWEST]
        newer = -1
        while chunk >= oldest and old.chunks[chunk, CHUNK_MAX] >= floor_ms:
            row = cut[chunk - oldest]
            if row >= 0:
                source[:] = cut_chunks[row]
            else:
                widen_entry(old.chunks[chunk], source)
            is_newest = newer < 0
            newer = _copy_chunk(head, source, cut_data if row >= 0 else old.arena, newer)
            if is_newest:
                kept[slot, KEPT_NEWEST] = newer
            kept[slot, KEPT_SAMPLES] += source[ENTRY_SAMPLES]
            if before < 0:
                kept[slot, KEPT_FIRST] = source[ENTRY_MIN_TIME]
            chunk = old.chunks[chunk, CHUNK_LINK] >> 32
        if newer >= 0 and before >= 0:
            _link(head, newer, before)


@kernel
def drop_before(head: HeadArrays, floor_ms: int, kept: NDArray[np.int64]) -> None:
    """Forget the samples before a time, where `copy_sealed` has copied all chunks that stay; lines and open rows change in place."""
    for slot in range(len(kept)):
        meta = head.meta[slot]
        if meta[REF] < 0 or meta[COUNT] == 0:
            continue
        _drop_open(head, slot, floor_ms)
        meta[LAST_CHUNK] = kept[slot, KEPT_NEWEST]
        if kept[slot, KEPT_SAMPLES] > 0:
            meta[COUNT] += kept[slot, KEPT_SAMPLES]
            meta[FIRST_TIME] = kept[slot, KEPT_FIRST]


@kernel
def measure_slots(
    head: HeadArrays,
    slots: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    out_chunks: NDArray[np.int64],
    out_open: NDArray[np.int64],
) -> None:
    """Write, for each slot, how many sealed chunks and how many open samples lie in the range."""
    for i in range(len(slots)):
        meta = head.meta[slots[i]]
        n_chunks = 0
        chunk = meta[LAST_CHUNK]
        while chunk >= 0:
            entry = head.chunks[chunk]
            if entry[CHUNK_MAX] < start_ms:
                break
            n_chunks += entry[CHUNK_MIN] <= end_ms
            chunk = entry[CHUNK_LINK] >> 32
        row = head.open[slots[i]]
        stop = meta[OPEN] if meta[LAST_TIME] <= end_ms else _first_from(row, meta[OPEN], end_ms + 1)
        out_chunks[i] = n_chunks
        out_open[i] = stop - _first_from(row, stop, start_ms)


@kernel
def tally(head: HeadArrays) -> tuple[int, int, int, int, int]:
    """Return of all series: how many have samples, how many samples and how many open ones there are, the oldest time and the newest."""
    n_series, n_samples, n_open = 0, 0, 0
    oldest, newest = ~_NO_TIME, _NO_TIME
    for slot in range(len(head.meta)):
        meta = head.meta[slot]
        if meta[REF] < 0:
            continue
        n_series += meta[COUNT] > 0 or meta[FLAGS] & HAS_SIDE != 0
        n_samples += meta[COUNT]
        n_open += meta[OPEN]
        if meta[COUNT] > 0:
            oldest = min(oldest, meta[FIRST_TIME])
            # What LAST_TIME says may have gone to a block or a side buffer since, but nothing is newer.
            if meta[LAST_TIME] > newest:
                newest = max(newest, _newest(head, slot))
    return n_series, n_samples, n_open, oldest, newest


@inner_kernel
def _newest(head: HeadArrays, slot: int) -> int:
    """Return the newest sealed or open time of a series; the lowest time when it has none."""
    meta, row = head.meta[slot], head.open[slot]
    newest: int = _NO_TIME
    if meta[OPEN] > 0:
        newest = row[ROW_BASE] + np.int64(row[ROW_OFFSETS:ROW_BITS].view(np.uint32)[meta[OPEN] - 1])
    elif meta[LAST_CHUNK] >= 0:
        newest = head.chunks[meta[LAST_CHUNK], CHUNK_MAX]
    return newest


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
        A chunk table; places are relative to the arena, those of open chunks (`IS_OPEN`) to `out_open`.
    open_at : ndarray of int64, shape (n_slots,)
        Where the open samples of each slot go in `out_open`.
    """
    for i in range(len(slots)):
        slot = slots[i]
        meta = head.meta[slot]
        row = head.open[slot]
        at = first[i + 1]
        stop = meta[OPEN] if meta[LAST_TIME] <= end_ms else _first_from(row, meta[OPEN], end_ms + 1)
        begin = _first_from(row, stop, start_ms)
        n = stop - begin
        if n > 0:
            at -= 1
            offsets = row[ROW_OFFSETS:ROW_BITS].view(np.uint32)
            with_starts = meta[FLAGS] & HAS_STARTS
            size = n * (24 if with_starts else 16)
            words = out_open[open_at[i] : open_at[i] + size].view(np.int64)
            for k in range(n):
                words[k] = row[ROW_BASE] + np.int64(offsets[begin + k])
            if with_starts:
                words[n : 2 * n] = head.starts[slot, begin:stop]
            words[len(words) - n :] = row[ROW_BITS + begin : ROW_BITS + stop]
            entry = out_chunks[at]
            entry[ENTRY_AT] = open_at[i]
            entry[ENTRY_SIZE] = size
            entry[ENTRY_SHAPE] = (1 << 8) if with_starts else 0
            entry[ENTRY_SAMPLES] = n
            entry[ENTRY_MIN_TIME] = words[0]
            entry[ENTRY_MAX_TIME] = words[n - 1]
            entry[IS_OPEN] = 1
        chunk = meta[LAST_CHUNK]
        while chunk >= 0 and at > first[i]:
            if head.chunks[chunk, CHUNK_MAX] < start_ms:
                break
            if head.chunks[chunk, CHUNK_MIN] <= end_ms:
                at -= 1
                widen_entry(head.chunks[chunk], out_chunks[at])
                out_chunks[at, IS_OPEN] = 0
            chunk = head.chunks[chunk, CHUNK_LINK] >> 32
