"""Kernels of blocks: finding the chunks of a range, and writing samples anew in longer chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.chunks import chunk_room, decode_chunk, encode_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_SAMPLES = 480
"""Samples of a block's chunk at most: two hours at 15 s, so that a 2 h block has one chunk a series."""

ROOM = chunk_room(BLOCK_SAMPLES)
"""Free bytes that writing a chunk asks for."""

SIZE, SAMPLES, SHAPE, MIN_TIME, MAX_TIME = range(5)
"""Columns of the table that `recode_row` writes."""

_FLOAT = 1
_HISTOGRAM_SHAPE = 1 << 16
_STARTS = 1


@kernel
def find_ranges(
    first: NDArray[np.int64],
    min_times: NDArray[np.int64],
    max_times: NDArray[np.int64],
    rows: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
    out_from: NDArray[np.int64],
    out_count: NDArray[np.int64],
) -> None:
    """Write, for each row, which of its chunks touch the closed range; chunks of a row do not overlap."""
    for i in range(len(rows)):
        low, high = first[rows[i]], first[rows[i] + 1]
        begin = low + np.searchsorted(max_times[low:high], start_ms, side="left")
        stop = low + np.searchsorted(min_times[low:high], end_ms, side="right")
        out_from[i] = begin
        out_count[i] = max(stop - begin, 0)


@kernel
def recode_row(
    data: NDArray[np.uint8],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    offset: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    low: int,
    high: int,
    bounds: tuple[int, int],
    out_table: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> tuple[int, int]:
    """
    Write the samples of chunks `low` to `high`, one series, in as long chunks as allowed; return (chunks, bytes) written.

    Samples outside the closed `bounds` are left out. Histogram chunks are copied as they are; they lie inside the bounds. The
    caller gives room for one chunk for every one given, and one more for every `BLOCK_SAMPLES` samples.
    """
    capacity = 0
    for c in range(low, high):
        capacity = max(capacity, count[c])
    capacity += BLOCK_SAMPLES
    times = np.empty(capacity, dtype=np.int64)
    starts = np.empty(capacity, dtype=np.int64)
    values = np.empty(capacity, dtype=np.float64)
    n = 0
    chunks = 0
    at = 0
    for c in range(low, high):
        if kind[c] != _FLOAT:
            if n > 0:
                at += _write_chunk(times[:n], starts[:n], values[:n], out_table[chunks], out[at:])
                chunks += 1
                n = 0
            size = _histogram_bytes(data, flags[c], offset[c], count[c])
            entry = out_table[chunks]
            entry[SIZE] = size
            entry[SAMPLES] = count[c]
            entry[SHAPE] = _HISTOGRAM_SHAPE | flags[c] << 8 | codec[c]
            entry[MIN_TIME] = min_time[c]
            entry[MAX_TIME] = max_time[c]
            for b in range(size):
                out[at + b] = data[offset[c] + b]
            chunks += 1
            at += size
            continue
        more = count[c]
        decode_chunk(
            data,
            codec[c],
            flags[c],
            offset[c],
            min_time[c],
            max_time[c],
            times[n : n + more],
            values[n:],
            starts[n:],
        )
        if min_time[c] < bounds[0] or max_time[c] > bounds[1]:
            begin = n + int(np.searchsorted(times[n : n + more], bounds[0], side="left"))
            stop = n + int(np.searchsorted(times[n : n + more], bounds[1], side="right"))
            for i in range(begin, stop):
                times[n + i - begin] = times[i]
                starts[n + i - begin] = starts[i]
                values[n + i - begin] = values[i]
            more = stop - begin
        n += more
        begin = 0
        while n - begin >= BLOCK_SAMPLES:
            stop = begin + BLOCK_SAMPLES
            at += _write_chunk(
                times[begin:stop], starts[begin:stop], values[begin:stop], out_table[chunks], out[at:]
            )
            chunks += 1
            begin = stop
        if begin > 0:
            for i in range(begin, n):
                times[i - begin] = times[i]
                starts[i - begin] = starts[i]
                values[i - begin] = values[i]
            n -= begin
    if n > 0:
        at += _write_chunk(times[:n], starts[:n], values[:n], out_table[chunks], out[at:])
        chunks += 1
    return chunks, at


@kernel
def _histogram_bytes(data: NDArray[np.uint8], flags: int, offset: int, count: int) -> int:
    """Return the size of a raw histogram chunk, in whole words."""
    ends = offset + 8 * count * (2 if flags & _STARTS else 1)
    last = data[ends + 4 * count : ends + 4 * count + 4].view(np.uint32)[0]
    return int((ends - offset + 4 * (count + 1) + np.int64(last) + 7) // 8 * 8)


@kernel
def _write_chunk(
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    values: NDArray[np.float64],
    entry: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> int:
    n = len(times)
    with_starts = False
    for start in starts:
        with_starts = with_starts or start != 0
    scratch = np.empty(3 * n + 65, dtype=np.int64)
    size, codec = encode_chunk(
        times, starts if with_starts else starts[:0], values.view(np.int64), scratch, out
    )
    entry[SIZE] = size
    entry[SAMPLES] = n
    entry[SHAPE] = codec | (_STARTS << 8 if with_starts else 0)
    entry[MIN_TIME] = times[0]
    entry[MAX_TIME] = times[n - 1]
    return int(size)


@kernel
def recode_rows(
    data: NDArray[np.uint8],
    first_chunk: NDArray[np.int64],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    offset: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    bounds: tuple[int, int],
    out_first: NDArray[np.int64],
    out_table: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> int:
    """Write all rows of a view as `recode_row` does; return the bytes written."""
    chunks = 0
    at = 0
    out_first[0] = 0
    for row in range(len(first_chunk) - 1):
        more_chunks, more_bytes = recode_row(
            data,
            kind,
            codec,
            flags,
            offset,
            count,
            min_time,
            max_time,
            first_chunk[row],
            first_chunk[row + 1],
            bounds,
            out_table[chunks:],
            out[at:],
        )
        chunks += more_chunks
        at += more_bytes
        out_first[row + 1] = chunks
    return at
