"""
Native histograms in packed chunks: column by column, each by the codec that takes the fewest bytes.

The canonical bytes of a histogram (`bongsu.storage.histograms`) are whole 64-bit words: layout, sums, spans, bucket counts, bounds.
A chunk holds samples of equally many words, so that they are a table, and each of its columns is encoded as the values of a float chunk are:
what never changes costs one word, counts that grow cost their second differences. Every bit comes back, whatever the words say.

Layout in words: ``words of a sample | time codec << 32``; the codec of each column, 8 bits each; times; start timestamps, if there are any,
as a packed stream of differences; the columns.
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
    ENTRY_SIZE,
    decode_values,
    encode_values,
)
from bongsu.kernels.codec_times import decode_times, encode_times
from bongsu.kernels.merge import BITS, SIZE, START, TIME
from bongsu.kernels.packing import pack_stream, plan_stream, unpack_stream
from bongsu.kernels.streams import SCRATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKED_HISTOGRAMS = 1
"""Codec byte of such a chunk."""

_STARTS = 1  # FLAG_STARTS
_HISTOGRAM = 1 << 16


def histogram_room(samples: int, words: int, runs: int) -> int:
    """Return bytes that hold packed chunks of at most so many words a sample, and what is tried on the way."""
    return 8 * (samples * (words + 4) + runs * (4 * words + 64))


@inner_kernel
def _word(address: int, number: int) -> np.uint64:
    """Return a 64-bit number at an index from any address."""
    shift = address & 7
    words = words_at(address - shift)
    word: np.uint64 = words[number]
    if shift > 0:
        word = (word >> np.uint64(8 * shift)) | (words[number + 1] << np.uint64(64 - 8 * shift))
    return word


@inner_kernel
def _pack_starts(
    starts: NDArray[np.int64], scratch: NDArray[np.int64], words: NDArray[np.uint64], at: int
) -> int:
    n = len(starts)
    zero = n - n  # not a literal: numba would compile what is called once more for it
    for i in range(n):
        scratch[i] = starts[i] - (starts[i - 1] if i > 0 else 0)
    _, base, width = plan_stream(scratch[:n], scratch[n : n + 65])
    return pack_stream(scratch[:n], base, width, zero, words, at)


@kernel
def encode_histograms(
    samples: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.uint8],
    out_chunks: NDArray[np.int64],
) -> int:
    """
    Write one chunk for each run of histogram samples of one size, a multiple of 8; return the bytes written.

    Parameters
    ----------
    samples : ndarray of int64, shape (4, n_samples)
        As in `bongsu.kernels.merge`.
    out : ndarray of uint8
        With `histogram_room`.
    out_chunks : ndarray of int64, shape (n_runs, 8)
    """
    longest = 0
    for run in range(len(begins)):
        longest = max(longest, ends[run] - begins[run])
    scratch = np.empty(3 * longest + SCRATCH, dtype=np.int64)
    tight = longest < 0  # false, but no literal: numba would compile what is called once more for it
    column = np.empty(longest, dtype=np.int64)
    at = 0
    for run in range(len(begins)):
        low, high = begins[run], ends[run]
        n = high - low
        width = samples[SIZE, low] >> 3
        words = out[at : len(out) // 8 * 8].view(np.uint64)
        used = 1 + (width + 7) // 8
        words[:used] = np.uint64(0)
        time_codec, taken = encode_times(samples[TIME, low:high], scratch, words[used:])
        used += taken
        words[0] = np.uint64(width | time_codec << 32)
        with_starts = False
        for i in range(low, high):
            with_starts = with_starts or samples[START, i] != 0
        if with_starts:
            used = _pack_starts(samples[START, low:high], scratch, words, used)
        for c in range(width):
            for i in range(n):
                column[i] = np.int64(_word(samples[BITS, low + i], c))
            codec, used = encode_values(column[:n], tight, scratch, words, used)
            words[1 + (c >> 3)] |= np.uint64(codec) << np.uint64(8 * (c & 7))
        entry = out_chunks[run]
        entry[ENTRY_AT] = at
        entry[ENTRY_SIZE] = 8 * used
        entry[ENTRY_SHAPE] = _HISTOGRAM | PACKED_HISTOGRAMS | (_STARTS << 8 if with_starts else 0)
        entry[ENTRY_SAMPLES] = n
        entry[ENTRY_MIN_TIME] = samples[TIME, low]
        entry[ENTRY_MAX_TIME] = samples[TIME, high - 1]
        at += 8 * used
    return at


@kernel
def raw_sizes(chunks: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write the bytes that each packed chunk takes as a raw one, in whole words."""
    for c in range(len(chunks)):
        n = chunks[c, ENTRY_SAMPLES]
        width = np.int64(words_at(chunks[c, ENTRY_AT])[0] & np.uint64(0xFFFFFFFF))
        with_starts = chunks[c, ENTRY_SHAPE] >> 8 & _STARTS
        out[c] = (8 * n * (1 + with_starts) + 4 * (n + 1) + 8 * n * width + 7) // 8 * 8


@kernel
def decode_histograms(chunks: NDArray[np.int64], places: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Write each packed chunk as a raw one at its place, a multiple of 8, in `out`."""
    longest = 0
    for c in range(len(chunks)):
        longest = max(longest, chunks[c, ENTRY_SAMPLES])
    column = np.empty(longest, dtype=np.float64)
    bits = column.view(np.int64)
    for c in range(len(chunks)):
        entry = chunks[c]
        n = entry[ENTRY_SAMPLES]
        words = words_at(entry[ENTRY_AT])
        width = int(words[0] & np.uint64(0xFFFFFFFF))
        at = 1 + (width + 7) // 8
        target = out[places[c] :]
        raw = target[: 8 * n].view(np.int64)
        at += decode_times(
            int(np.int64(words[0] >> np.uint64(32))),
            words_at(entry[ENTRY_AT] + 8 * at),
            entry[ENTRY_MIN_TIME],
            entry[ENTRY_MAX_TIME],
            raw,
        )
        ends_at = 8 * n
        if entry[ENTRY_SHAPE] >> 8 & _STARTS:
            starts = target[8 * n : 16 * n].view(np.int64)
            at = unpack_stream(words, at, starts)
            for i in range(1, n):
                starts[i] += starts[i - 1]
            ends_at = 16 * n
        ends = target[ends_at : ends_at + 4 * (n + 1)].view(np.uint32)
        for i in range(n + 1):
            ends[i] = 8 * width * i
        # The histograms begin at a multiple of four bytes only.
        first = ends_at + 4 * (n + 1)
        halves = target[first : first + 8 * width * n].view(np.uint32)
        for k in range(width):
            codec = int(np.int64(words[1 + (k >> 3)] >> np.uint64(8 * (k & 7)) & np.uint64(0xFF)))
            at = decode_values(codec, words, at, column[:n])
            for i in range(n):
                word = np.uint64(bits[i])
                place = 2 * (i * width + k)
                halves[place] = np.uint32(word & np.uint64(0xFFFFFFFF))
                halves[place + 1] = np.uint32(word >> np.uint64(32))
