"""
Kernels that merge untidy rows: chunks that overlap, late samples, deleted ranges.

Samples travel in four int64 columns: time; bits of the value, or the address of a histogram's bytes; start timestamp; and `FLOAT`, or
the size of the histogram's bytes. A *piece* is a run of them, in order of time, from one source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._addresses import words_at
from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    decode_chunk,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME, BITS, START, SIZE = range(4)
"""Rows of a sample table, shape (4, n_samples)."""

FLOAT = -1
"""Entry of SIZE for a float."""

PIECE_BEGIN, PIECE_END, PIECE_PART = range(3)
"""Columns of a piece table; the part is `NEVER_HIDDEN` where deletions do not reach."""

NEVER_HIDDEN = -1

_STARTS = 1  # FLAG_STARTS
_HISTOGRAM = 1 << 16


@inner_kernel
def _half_word(address: int, number: int) -> int:
    """Return the 32-bit number at an index from a word-aligned address."""
    word = words_at(address)[number >> 1]
    return int((word >> np.uint64(32 * (number & 1))) & np.uint64(0xFFFFFFFF))


@kernel
def read_chunks(chunks: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write the samples of chunks one after another; histogram chunks are raw, and their bytes stay where they are."""
    at = 0
    values = out[BITS].view(np.float64)
    for c in range(len(chunks)):
        entry = chunks[c]
        n = entry[ENTRY_SAMPLES]
        if not entry[ENTRY_SHAPE] & _HISTOGRAM:
            decode_chunk(
                entry[ENTRY_SHAPE] & 0xFF,
                (entry[ENTRY_SHAPE] >> 8) & 0xFF,
                entry[ENTRY_AT],
                entry[ENTRY_MIN_TIME],
                entry[ENTRY_MAX_TIME],
                out[TIME, at : at + n],
                values[at : at + n],
                out[START, at : at + n],
            )
            out[SIZE, at : at + n] = FLOAT
            at += n
            continue
        words = words_at(entry[ENTRY_AT])
        with_starts = (entry[ENTRY_SHAPE] >> 8) & _STARTS
        ends_at = entry[ENTRY_AT] + 8 * n * (2 if with_starts else 1)
        bytes_at = ends_at + 4 * (n + 1)
        for i in range(n):
            out[TIME, at + i] = np.int64(words[i])
            out[START, at + i] = np.int64(words[n + i]) if with_starts else 0
            first = _half_word(ends_at, i)
            out[BITS, at + i] = bytes_at + first
            out[SIZE, at + i] = _half_word(ends_at, i + 1) - first
        at += n


@inner_kernel
def _is_hidden(time: int, part: int, hidden: NDArray[np.int64]) -> bool:
    found = False
    for i in range(len(hidden)):
        found = found or (hidden[i, 0] == part and hidden[i, 1] <= time <= hidden[i, 2])
    return found


@inner_kernel
def _first_inside(samples: NDArray[np.int64], merged: NDArray[np.int64], start: int) -> int:
    """Return the index of the first sample from `start` on, or of the histogram before it that tells whether it is a reset."""
    first = 0
    while first < len(merged) and samples[TIME, merged[first]] < start:
        first += 1
    if (
        0 < first < len(merged)
        and samples[SIZE, merged[first]] != FLOAT
        and samples[SIZE, merged[first - 1]] != FLOAT
    ):
        first -= 1
    return first


@kernel
def merge_rows(
    samples: NDArray[np.int64],
    pieces: NDArray[np.int64],
    first_piece: NDArray[np.int64],
    hidden: NDArray[np.int64],
    first_hidden: NDArray[np.int64],
    bounds: NDArray[np.int64],
    out: NDArray[np.int64],
    out_first: NDArray[np.int64],
) -> None:
    """
    Merge the pieces of each row; of equal times the one of the later piece stays.

    Parameters
    ----------
    pieces : ndarray of int64, shape (n_pieces, 3)
        Row *i* owns ``first_piece[i]:first_piece[i + 1]``, in order of rank.
    hidden : ndarray of int64, shape (n_hidden, 3)
        Part, first and last deleted time; row *i* owns ``first_hidden[i]:first_hidden[i + 1]``.
    bounds : ndarray of int64, shape (2,)
        Samples outside this closed range are left out, but for the histogram before it where the first one inside is a histogram
        too: it tells of resets.
    out : ndarray of int64, shape (4, n_samples)
    out_first : ndarray of int64, shape (n_rows + 1,)
        Where the samples of each row begin in `out`.
    """
    n_rows = len(out_first) - 1
    longest = 0
    for row in range(n_rows):
        total = 0
        for p in range(first_piece[row], first_piece[row + 1]):
            total += pieces[p, PIECE_END] - pieces[p, PIECE_BEGIN]
        longest = max(longest, total)
    # Rows of a pair of lists of sample numbers: what is merged so far, and what it is being merged into.
    lists = np.empty((2, longest), dtype=np.int64)
    at = 0
    out_first[0] = 0
    for row in range(n_rows):
        deleted = hidden[first_hidden[row] : first_hidden[row + 1]]
        n = 0
        old = 0
        for p in range(first_piece[row], first_piece[row + 1]):
            before, after = lists[old], lists[1 - old]
            taken = 0
            kept = 0
            for s in range(pieces[p, PIECE_BEGIN], pieces[p, PIECE_END]):
                time = samples[TIME, s]
                is_followed = s + 1 < pieces[p, PIECE_END] and samples[TIME, s + 1] < bounds[0]
                if time > bounds[1] or (time < bounds[0] and is_followed):
                    continue
                if len(deleted) > 0 and _is_hidden(time, pieces[p, PIECE_PART], deleted):
                    continue
                while taken < n and samples[TIME, before[taken]] < time:
                    after[kept] = before[taken]
                    taken += 1
                    kept += 1
                if taken < n and samples[TIME, before[taken]] == time:
                    taken += 1
                after[kept] = s
                kept += 1
            while taken < n:
                after[kept] = before[taken]
                taken += 1
                kept += 1
            n = kept
            old = 1 - old
        first = _first_inside(samples, lists[old, :n], bounds[0])
        for i in range(first, n):
            for column in range(4):
                out[column, at + i - first] = samples[column, lists[old, i]]
        at += n - first
        out_first[row + 1] = at


@kernel
def cut_runs(samples: NDArray[np.int64], first: NDArray[np.int64], runs: NDArray[np.int64]) -> int:
    """
    Write begin, end, bytes and whether there are start timestamps of each raw chunk that the rows need; return how many.

    A chunk ends where floats and histograms change over. Bytes are in whole words.
    """
    n = 0
    for row in range(len(first) - 1):
        begin = first[row]
        for i in range(first[row], first[row + 1]):
            if i + 1 < first[row + 1] and (samples[SIZE, i] == FLOAT) == (samples[SIZE, i + 1] == FLOAT):
                continue
            with_starts = 0
            payload = 0
            for s in range(begin, i + 1):
                with_starts |= samples[START, s] != 0
                payload += max(samples[SIZE, s], 0)
            count = i + 1 - begin
            size = 8 * count * (2 if with_starts else 1)
            size += 8 * count if samples[SIZE, begin] == FLOAT else 4 * (count + 1) + payload
            runs[n, 0] = begin
            runs[n, 1] = i + 1
            runs[n, 2] = (size + 7) // 8 * 8
            runs[n, 3] = with_starts
            n += 1
            begin = i + 1
    return n


@kernel
def write_runs(samples: NDArray[np.int64], runs: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write each run as a raw chunk, one after another."""
    at = 0
    for r in range(len(runs)):
        begin, end = runs[r, 0], runs[r, 1]
        n = end - begin
        words = out[at : at + runs[r, 2]].view(np.int64)
        words[:n] = samples[TIME, begin:end]
        used = n
        if runs[r, 3]:
            words[n : 2 * n] = samples[START, begin:end]
            used = 2 * n
        if samples[SIZE, begin] == FLOAT:
            words[used : used + n] = samples[BITS, begin:end]
            at += runs[r, 2]
            continue
        ends = out[at + 8 * used : at + 8 * used + 4 * (n + 1)].view(np.uint32)
        byte = at + 8 * used + 4 * (n + 1)
        payload = 0
        ends[0] = 0
        for i in range(n):
            source = samples[BITS, begin + i]
            size = samples[SIZE, begin + i]
            # Histogram bytes begin anywhere: whole words are read from the boundary before.
            shift = source & 7
            words_there = words_at(source - shift)
            for b in range(size):
                place = shift + b
                out[byte + payload + b] = np.uint8(
                    (words_there[place >> 3] >> np.uint64(8 * (place & 7))) & np.uint64(0xFF)
                )
            payload += size
            ends[i + 1] = payload
        for b in range(byte + payload, at + runs[r, 2]):
            out[b] = 0
        at += runs[r, 2]
