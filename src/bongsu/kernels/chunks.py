"""
The one way from chunk bytes to samples, for every kernel that reads a `ChunkView`.

A chunk starts at a multiple of 8 bytes in memory, so that its words are read in place, in a mapped block or an arena of the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._addresses import words_at
from bongsu.kernels._jit import called_kernel, inner_kernel, kernel
from bongsu.kernels.codec_numbers import difference_once, put_aside, restore_numbers, scale_numbers
from bongsu.kernels.codec_times import TIMES_SHARED, TIMES_STEP, decode_times, encode_times
from bongsu.kernels.codec_xor import combine, separate
from bongsu.kernels.shared_times import find_slot, is_known, new_table, pointed_at, pointer_word, remember
from bongsu.kernels.streams import SCRATCH, pack, plan, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES_RAW, VALUES_CONSTANT, VALUES_NUMBERS, VALUES_XOR = 0, 1, 2, 5
"""Lower half of a chunk's codec byte; `VALUES_NUMBERS` and the two after it pack numbers, differences and second differences."""

ENTRY_AT, ENTRY_SIZE, ENTRY_SHAPE, ENTRY_SAMPLES, ENTRY_MIN_TIME, ENTRY_MAX_TIME = range(6)
"""Columns of a chunk table, shape (n_chunks, 8): place and size in bytes, ``codec | flags << 8``, samples, first and last time."""

_RAW = 0  # CODEC_RAW
_TRY_XOR_ABOVE = 3  # bytes a sample
_FLOAT = 1  # KIND_FLOAT, as a literal that the compiler folds
_STARTS = 1  # FLAG_STARTS


KNOWN_SOURCE, KNOWN_SAMPLES, KNOWN_AT, KNOWN_FIRST, KNOWN_KEPT = range(5)
KNOWN_FORM, KNOWN_WORDS, KNOWN_MIN, KNOWN_MAX = range(5, 9)
KNOWN_COLUMNS = 9
"""
Columns of what `decode_row` knows of the times that it decoded last, a slot for each chunk of a row: where they are encoded
and how many they are; where those in the range lie decoded, which of them is the first one, and how many; and, of a chunk that has them itself, how
and in how many words, and the first and the last of all.
"""

_NO_WORDS = -1
"""Words of times that were read through a chunk that shares them."""


@kernel
def decode_row(
    first_chunk: NDArray[np.int64],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    address: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    row: int,
    start_ms: int,
    end_ms: int,
    at: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
    known: NDArray[np.int64],
) -> tuple[int, bool]:
    """
    Write the float samples of one row that lie in ``[start_ms, end_ms]``, in order of time.

    The leading arrays are those of a `ChunkView`, see its `directory`. Histogram chunks are passed over.

    Parameters
    ----------
    at
        Place in the output.
    out_times, out_values : ndarray
        With room for the samples of the row, see `ChunkView.row_capacity`.
    out_starts : ndarray of int64
        Start timestamps, 0 where unknown; give an array of length 0 when they are not wanted.
    known : ndarray of int64, shape (n_slots, 9)
        Zeros before the first row. The series of one target share their times, or have the same in the same words: what lies decoded in the same
        output is taken from there.
        Whoever changes the times in the output clears it.

    Returns
    -------
    stop : int
        The place after the samples.
    fresh : bool
        Whether any times were written: they may have been there from a row before.
    """
    fresh = False
    for c in range(first_chunk[row], first_chunk[row + 1]):
        if kind[c] != _FLOAT or max_time[c] < start_ms or min_time[c] > end_ms:
            continue
        length = count[c]
        times, values, starts = out_times[at : at + length], out_values[at:], out_starts[at:]
        slot = c - first_chunk[row]
        words, form = words_at(address[c]), codec[c] >> 4
        source = times_address(codec[c], address[c])
        span = min_time[c], max_time[c]
        if form == TIMES_SHARED:
            is_there = _is_known(known, slot, source, length, at)
        else:
            is_there = _is_repeated(known, slot, form, words, length, span, at)
        if is_there:
            after_times = 1 if form == TIMES_SHARED else known[slot, KNOWN_WORDS]
            decode_after_times(codec[c], flags[c], words, after_times, values[:length], starts)
            first, kept = int(known[slot, KNOWN_FIRST]), int(known[slot, KNOWN_KEPT])
            before = known[slot, KNOWN_AT]
            if before != at:
                for i in range(kept):
                    times[i] = out_times[before + i]
                fresh = True
                _note(known, slot, source, length, at, first, kept)
        else:
            after_times = _decode_times(codec[c], address[c], span, times)
            decode_after_times(codec[c], flags[c], words, after_times, values[:length], starts)
            first, kept = 0, int(length)
            if min_time[c] < start_ms or max_time[c] > end_ms:
                first = int(np.searchsorted(times, start_ms, side="left"))
                kept = int(np.searchsorted(times, end_ms, side="right")) - first
            _move_forward(times, first, kept)
            fresh = True
            _note(known, slot, source, length, at, first, kept)
            if slot < len(known):
                known[slot, KNOWN_FORM] = form
                known[slot, KNOWN_WORDS] = _NO_WORDS if form == TIMES_SHARED else after_times
                known[slot, KNOWN_MIN], known[slot, KNOWN_MAX] = span
        _move_forward(values, first, kept)
        if len(starts) > 0:
            _move_forward(starts, first, kept)
        at += kept
    return at, fresh


@inner_kernel
def times_address(codec: int, address: int) -> int:
    """Return where the times of a chunk are encoded."""
    if codec >> 4 == TIMES_SHARED:
        return int(address - pointed_at(words_at(address)[0])[0])
    return address


@inner_kernel
def _is_known(known: NDArray[np.int64], slot: int, source: int, length: int, at: int) -> bool:
    """Tell whether the times of a chunk lie decoded where they can be taken from to `at`."""
    if slot >= len(known) or known[slot, KNOWN_SOURCE] != source or known[slot, KNOWN_SAMPLES] != length:
        return False
    before = known[slot, KNOWN_AT]
    # A copy goes from the first to the last, so it may only move forward onto itself.
    return bool(before >= at or before + known[slot, KNOWN_KEPT] <= at)


@inner_kernel
def _is_repeated(
    known: NDArray[np.int64],
    slot: int,
    form: int,
    words: NDArray[np.uint64],
    length: int,
    span: tuple[int, int],
    at: int,
) -> bool:
    """Tell the same of a chunk that has its times itself: it has them in the same words, which is sooner seen than read."""
    if slot >= len(known) or known[slot, KNOWN_FORM] != form or known[slot, KNOWN_WORDS] == _NO_WORDS:
        return False
    source = known[slot, KNOWN_SOURCE]
    if source == 0 or known[slot, KNOWN_MIN] != span[0] or known[slot, KNOWN_MAX] != span[1]:
        return False
    if not _is_known(known, slot, source, length, at):
        return False
    n_words = known[slot, KNOWN_WORDS]
    here, there = words[:n_words], words_at(source)[:n_words]
    others = 0
    for i in range(len(here)):
        others += here[i] != there[i]
    return others == 0


@inner_kernel
def _note(
    known: NDArray[np.int64], slot: int, source: int, length: int, at: int, first: int, kept: int
) -> None:
    """Note times that were written at a place, and forget those that may have been there."""
    for other in range(len(known)):
        if known[other, KNOWN_AT] + known[other, KNOWN_KEPT] > at:
            known[other, KNOWN_SOURCE] = 0
    if slot < len(known):
        known[slot, KNOWN_SOURCE], known[slot, KNOWN_SAMPLES] = source, length
        known[slot, KNOWN_AT], known[slot, KNOWN_FIRST], known[slot, KNOWN_KEPT] = at, first, kept


@inner_kernel
def _move_forward(numbers: NDArray[np.generic], first: int, count: int) -> None:
    """Move numbers to the front of their array."""
    if first > 0:
        for i in range(count):
            numbers[i] = numbers[first + i]


@kernel
def decode_chunk(
    codec: int,
    flags: int,
    address: int,
    first: int,
    last: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write the ``len(out_times)`` samples of one float chunk; start timestamps only if `out_starts` has room for them."""
    at = _decode_times(codec, address, (first, last), out_times)
    decode_after_times(codec, flags, words_at(address), at, out_values[: len(out_times)], out_starts)


@called_kernel
def _decode_times(codec: int, address: int, span: tuple[int, int], out: NDArray[np.int64]) -> int:
    """Write the times of a chunk, given the first and the last; return the word after them."""
    words = words_at(address)
    if codec >> 4 == TIMES_SHARED:
        back, inner = pointed_at(words[0])
        decode_times(inner, words_at(address - back), span[0], span[1], out)
        return 1
    return int(decode_times(codec >> 4, words, span[0], span[1], out))


@called_kernel
def decode_after_times(
    codec: int,
    flags: int,
    words: NDArray[np.uint64],
    at: int,
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write what stands behind the times of a chunk: start timestamps, if it has any, and values."""
    length = len(out_values)
    if len(out_starts) > 0:
        out_starts[:length] = 0
    if flags & _STARTS:
        # Without room they are read into the place of the values, which are read next.
        starts = out_starts[:length] if len(out_starts) > 0 else out_values.view(np.int64)
        at = decode_starts(codec, words, at, starts)
    decode_values(codec & 15, words, at, out_values)


@called_kernel
def decode_starts(codec: int, words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    """Read start timestamps, raw in a raw chunk and else as a packed stream of differences; return the word after them."""
    if codec == _RAW:
        for i in range(len(out)):
            out[i] = np.int64(words[at + i])
        return at + len(out)
    at = unpack(words, at, out)
    for i in range(1, len(out)):
        out[i] += out[i - 1]
    return at


@inner_kernel
def decode_values(codec: int, words: NDArray[np.uint64], at: int, out: NDArray[np.float64]) -> int:
    """Read ``len(out)`` values; return the word after them."""
    bits = out.view(np.int64)
    n = len(out)
    if codec == VALUES_CONSTANT:
        bits[:] = np.int64(words[at])
        return at + 1
    # How many values stand unpacked before the stream: all of them when they are raw.
    before = n if codec == VALUES_RAW else 1 if codec == VALUES_XOR else codec - VALUES_NUMBERS
    for i in range(before):
        bits[i] = np.int64(words[at + i])
    if codec == VALUES_RAW:
        return at + n
    extra = int(np.int64(words[at + before] >> np.uint64(32)))
    end = unpack(words, at + before, bits[before:])
    if codec == VALUES_XOR:
        separate(extra, out)
        return end
    return restore_numbers(before, extra, words, end, out)


def chunk_room(n_samples: int) -> int:
    """Return bytes that hold any encoded chunk, and what is tried on the way."""
    return 34 * n_samples + 1024


def scratch_room(n_samples: int) -> int:
    """Return the length of the scratch that a chunk is encoded with."""
    return 3 * n_samples + SCRATCH


@kernel
def encode_chunk(
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
    tight: bool,
    shared: NDArray[np.int64],
    position: int,
    scratch: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> tuple[int, int]:
    """
    Write one float chunk; return (bytes, codec).

    Parameters
    ----------
    times : ndarray of int64, shape (n_samples,)
        Strictly increasing, at least one and at most `bongsu.kernels.packing.MAX_COUNT`.
    starts : ndarray of int64, shape (n_samples,) or (0,)
    bits : ndarray of int64, shape (n_samples,)
        The values' bits.
    tight
        Take the fewest bytes for values and start timestamps, though they take longer to read.
    shared : ndarray of int64
        Table of times that earlier chunks have, see `bongsu.kernels.shared_times`.
    position
        Of this chunk's first byte, in what the table's positions count.
    scratch : ndarray of int64, shape (at least `scratch_room`,)
    out : ndarray of uint8, shape (at least `chunk_room`,)
    """
    n = len(times)
    words = out[: len(out) // 8 * 8].view(np.uint64)
    slot = find_slot(times, shared) if len(shared) > 0 else -1
    if slot >= 0 and is_known(shared, slot):
        words[0] = pointer_word(shared, slot, position)
        time_codec, at = TIMES_SHARED, 1
    else:
        time_codec, at = encode_times(times, scratch, words)
    raw_words = n * (3 if len(starts) > 0 else 2)
    codec = time_codec << 4
    values_at = at
    if len(starts) > 0:
        for i in range(n):
            scratch[i] = starts[i] - (starts[i - 1] if i > 0 else 0)
        _, base, width = plan(scratch[:n], tight, scratch[n:])
        values_at = pack(scratch[:n], base, width, n - n, scratch[n:], words, at)
    value_codec, end = encode_values(bits, tight, scratch, words, values_at)
    # Codec 0 promises that start timestamps are raw too.
    if end < raw_words and codec | value_codec != _RAW:
        if slot >= 0 and time_codec not in (TIMES_SHARED, TIMES_STEP):
            remember(shared, slot, position, time_codec)
        return 8 * end, codec | value_codec
    for i in range(n):
        words[i] = np.uint64(times[i])
        words[raw_words - n + i] = np.uint64(bits[i])
    for i in range(len(starts)):
        words[n + i] = np.uint64(starts[i])
    return 8 * raw_words, _RAW


@called_kernel
def encode_values(
    bits: NDArray[np.int64],
    tight: bool,
    scratch: NDArray[np.int64],
    words: NDArray[np.uint64],
    at: int,
) -> tuple[int, int]:
    """Write values by the codec that takes the fewest bytes; return (codec, word after them)."""
    n = len(bits)
    constant = True
    for i in range(1, n):
        constant = constant and bits[i] == bits[0]
    if constant:
        words[at] = np.uint64(bits[0])
        return VALUES_CONSTANT, at + 1
    values = bits.view(np.float64)
    numbers, best_numbers = scratch[:n], scratch[n : 2 * n]
    exponent, shift, aside = scale_numbers(bits, values, numbers)
    aside_size = 8 * (aside + (aside + 3) // 4)
    best = VALUES_RAW
    best_size, best_base, best_width, best_extra = 8 * n, 0, 0, 0
    # Few values have fewer differences; a bound that is known only now also keeps the compiler from unrolling all this.
    for candidate in range(min(n, 3) + 1):
        before = candidate
        codec = VALUES_NUMBERS + candidate if candidate < min(n, 3) else VALUES_XOR
        size = aside_size
        extra = exponent | shift << 5 | aside << 11
        if codec == VALUES_XOR:
            # Numbers scaled to few bits are never beaten by the exclusive or of their doubles.
            if best != VALUES_RAW and best_size <= _TRY_XOR_ABOVE * n:
                break
            before = 1
            size = 0
            extra = combine(bits, numbers)
        elif exponent < 0:
            continue
        elif before > 0:
            difference_once(numbers, before)
        packed, base, width = plan(numbers[before:], tight, scratch[2 * n :])
        size += packed + 8 * before
        if size < best_size:
            best = codec
            best_size, best_base, best_width, best_extra = size, base, width, extra
            for i in range(n):
                best_numbers[i] = numbers[i]
    if best == VALUES_RAW:
        for i in range(n):
            words[at + i] = np.uint64(bits[i])
        return best, at + n
    before = 1 if best == VALUES_XOR else best - VALUES_NUMBERS
    for i in range(before):
        words[at + i] = np.uint64(best_numbers[i])
    at = pack(best_numbers[before:], best_base, best_width, best_extra, scratch[2 * n :], words, at + before)
    if best != VALUES_XOR:
        at = put_aside(bits, values, exponent, aside, words, at)
    return best, at


@kernel
def decode_chunks(
    chunks: NDArray[np.int64],
    ends: NDArray[np.int64],
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> None:
    """
    Write the samples of float chunks one after another.

    Parameters
    ----------
    chunks : ndarray of int64, shape (n_chunks, 8)
        Columns as `ENTRY_AT` and those after it say; places are addresses.
    ends : ndarray of int64, shape (n_chunks,)
        Where the samples of each chunk end in the output.
    """
    begin = 0
    for c in range(len(chunks)):
        entry = chunks[c]
        decode_chunk(
            entry[ENTRY_SHAPE] & 0xFF,
            (entry[ENTRY_SHAPE] >> 8) & 0xFF,
            entry[ENTRY_AT],
            entry[ENTRY_MIN_TIME],
            entry[ENTRY_MAX_TIME],
            out_times[begin : ends[c]],
            out_values[begin : ends[c]],
            out_starts[begin : ends[c]],
        )
        begin = ends[c]


@kernel
def encode_runs(
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    tight: bool,
    shared: NDArray[np.int64],
    position: int,
    out: NDArray[np.uint8],
    out_chunks: NDArray[np.int64],
) -> int:
    """
    Write one chunk for each run of samples; return the bytes written.

    Parameters
    ----------
    starts : ndarray of int64
        As long as the times, or of length 0. A run whose start timestamps are all 0 has none.
    begins, ends : ndarray of int64, shape (n_runs,)
        Run *i* is ``times[begins[i]:ends[i]]``, not empty, strictly increasing.
    tight, shared, position
        As in `encode_chunk`; the position is that of the first run's chunk.
    out : ndarray of uint8
        With at least ``24 * samples`` bytes and `chunk_room` of the longest run.
    out_chunks : ndarray of int64, shape (n_runs, 8)
    """
    longest = 0
    for run in range(len(begins)):
        longest = max(longest, ends[run] - begins[run])
    scratch = np.empty(3 * longest + SCRATCH, dtype=np.int64)
    at = 0
    for run in range(len(begins)):
        low, high = begins[run], ends[run]
        with_starts = False
        if len(starts) > 0:
            for i in range(low, high):
                with_starts = with_starts or starts[i] != 0
        run_starts = starts[low:high] if with_starts else starts[:0]
        size, codec = encode_chunk(
            times[low:high], run_starts, bits[low:high], tight, shared, position + at, scratch, out[at:]
        )
        entry = out_chunks[run]
        entry[ENTRY_AT] = at
        entry[ENTRY_SIZE] = size
        entry[ENTRY_SHAPE] = codec | (_STARTS << 8 if with_starts else 0)
        entry[ENTRY_SAMPLES] = high - low
        entry[ENTRY_MIN_TIME] = times[low]
        entry[ENTRY_MAX_TIME] = times[high - 1]
        at += size
    return at


def warm() -> None:
    """Compile what writes chunks for the types that it is called with; what reads them is part of its callers."""
    none, out = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    rows = np.zeros((0, 8), dtype=np.int64)
    encode_runs(none, none, none, none, none, False, new_table(0), 0, out, rows)
