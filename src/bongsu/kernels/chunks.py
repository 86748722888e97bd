"""
The one way from chunk bytes to samples, for every kernel that reads a `ChunkView`.

A chunk starts at a multiple of 8 bytes in its buffer, so that its words can be read in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.codec_numbers import (
    decode_numbers,
    difference_once,
    encode_numbers,
    scale_numbers,
    undo_differences,
)
from bongsu.kernels.codec_times import decode_times, encode_times
from bongsu.kernels.codec_xor import combine, decode_xor, encode_xor
from bongsu.kernels.packing import pack_stream, plan_stream, unpack_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES_RAW, VALUES_CONSTANT, VALUES_NUMBERS, VALUES_XOR = 0, 1, 2, 5
"""Lower half of a chunk's codec byte; `VALUES_NUMBERS` and the two after it pack numbers, differences and second differences."""

_RAW = 0  # CODEC_RAW
_TRY_XOR_ABOVE = 3  # bytes a sample
_FLOAT = 1  # KIND_FLOAT, as a literal that the compiler folds
_STARTS = 1  # FLAG_STARTS


@kernel
def decode_row(
    data: NDArray[np.uint8],
    first_chunk: NDArray[np.int64],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    offset: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    row: int,
    start_ms: int,
    end_ms: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> int:
    """
    Write the float samples of one row that lie in ``[start_ms, end_ms]``, in order of time; return how many.

    The leading arrays are those of a `ChunkView`. Histogram chunks are passed over.

    Parameters
    ----------
    out_times, out_values : ndarray, shape (at least the samples of the row)
        See `ChunkView.row_capacity`.
    out_starts : ndarray of int64
        Start timestamps, 0 where unknown; give an array of length 0 when they are not wanted.
    """
    n = 0
    for c in range(first_chunk[row], first_chunk[row + 1]):
        if kind[c] != _FLOAT or max_time[c] < start_ms or min_time[c] > end_ms:
            continue
        length = count[c]
        decode_chunk(
            data,
            codec[c],
            flags[c],
            offset[c],
            min_time[c],
            max_time[c],
            out_times[n : n + length],
            out_values[n:],
            out_starts[n:],
        )
        if min_time[c] >= start_ms and max_time[c] <= end_ms:
            n += length
        else:
            n += _trim(out_times[n : n + length], out_values[n:], out_starts[n:], start_ms, end_ms)
    return n


@kernel
def decode_chunk(
    data: NDArray[np.uint8],
    codec: int,
    flags: int,
    offset: int,
    first: int,
    last: int,
    out_times: NDArray[np.int64],
    out_values: NDArray[np.float64],
    out_starts: NDArray[np.int64],
) -> None:
    """Write the ``len(out_times)`` samples of one float chunk; start timestamps only if `out_starts` has room for them."""
    words = data[offset : offset + (len(data) - offset) // 8 * 8].view(np.uint64)
    length = len(out_times)
    at = decode_times(codec >> 4, words, 0, first, last, out_times)
    if len(out_starts) > 0:
        out_starts[:length] = 0
    if flags & _STARTS:
        # Without room they are read into the place of the values, which are read next.
        starts = out_starts[:length] if len(out_starts) > 0 else out_values[:length].view(np.int64)
        at = decode_starts(codec, words, at, starts)
    decode_values(codec & 15, words, at, out_values[:length])


@kernel
def decode_starts(codec: int, words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    """Read start timestamps, raw in a raw chunk and else as a packed stream of differences; return the word after them."""
    if codec == _RAW:
        for i in range(len(out)):
            out[i] = np.int64(words[at + i])
        return at + len(out)
    at = unpack_stream(words, at, out)
    for i in range(1, len(out)):
        out[i] += out[i - 1]
    return at


@kernel
def decode_values(codec: int, words: NDArray[np.uint64], at: int, out: NDArray[np.float64]) -> int:
    """Read ``len(out)`` values; return the word after them."""
    if codec == VALUES_CONSTANT:
        bits = out.view(np.int64)
        bits[:] = np.int64(words[at])
        return at + 1
    if codec == VALUES_XOR:
        return int(decode_xor(words, at, out))
    if codec != VALUES_RAW:
        return int(decode_numbers(codec - VALUES_NUMBERS, words, at, out))
    bits = out.view(np.int64)
    for i in range(len(out)):
        bits[i] = np.int64(words[at + i])
    return at + len(out)


def chunk_room(n_samples: int) -> int:
    """Return bytes that hold any encoded chunk, and what is tried on the way."""
    return 24 * n_samples + 64


@kernel
def encode_chunk(
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
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
    scratch : ndarray of int64, shape (at least 3 * n_samples + 65,)
    out : ndarray of uint8, shape (at least `chunk_room`,)
    """
    n = len(times)
    words = out[: len(out) // 8 * 8].view(np.uint64)
    time_codec, at = encode_times(times, scratch, words, 0)
    raw_words = n * (3 if len(starts) > 0 else 2)
    codec = time_codec << 4
    values_at = at
    if len(starts) > 0:
        for i in range(n):
            scratch[i] = starts[i] - (starts[i - 1] if i > 0 else 0)
        _, base, width = plan_stream(scratch[:n], scratch[n : n + 65])
        values_at = pack_stream(scratch[:n], base, width, 0, words, at)
    value_codec, end = encode_values(bits, scratch, words, values_at)
    # Codec 0 promises that start timestamps are raw too.
    if end < raw_words and codec | value_codec != _RAW:
        return 8 * end, codec | value_codec
    for i in range(n):
        words[i] = np.uint64(times[i])
        words[raw_words - n + i] = np.uint64(bits[i])
    for i in range(len(starts)):
        words[n + i] = np.uint64(starts[i])
    return 8 * raw_words, _RAW


@kernel
def encode_values(
    bits: NDArray[np.int64], scratch: NDArray[np.int64], words: NDArray[np.uint64], at: int
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
    counts = scratch[3 * n : 3 * n + 65]
    best_size = 8 * n
    best = VALUES_RAW
    numbers = scratch[:n]
    scaling = scale_numbers(bits, values, numbers)
    if scaling[0] >= 0:
        aside_size = 8 * (scaling[2] + (scaling[2] + 3) // 4)
        for order in range(min(3, n)):
            if order > 0:
                difference_once(numbers, order)
            size = plan_stream(numbers[order:], counts)[0] + 8 * order + aside_size
            if size < best_size:
                best_size = size
                best = VALUES_NUMBERS + order
    combined = scratch[n : 2 * n - 1]
    # Numbers scaled to few bits are never beaten by the exclusive or of their doubles.
    if best == VALUES_RAW or best_size > _TRY_XOR_ABOVE * n:
        shift = combine(bits, combined)
        size = plan_stream(combined, counts)[0] + 8
        if size < best_size:
            return VALUES_XOR, encode_xor(bits, combined, shift, counts, words, at)
    if best == VALUES_RAW:
        for i in range(n):
            words[at + i] = np.uint64(bits[i])
        return VALUES_RAW, at + n
    order = best - VALUES_NUMBERS
    undo_differences(numbers, min(3, n) - 1, order)
    return best, encode_numbers(numbers, bits, values, order, scaling, counts, words, at)


@kernel
def _trim(
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    start_ms: int,
    end_ms: int,
) -> int:
    """Move the samples in the range to the front of the arrays; return how many."""
    first = np.searchsorted(times, start_ms, side="left")
    stop = np.searchsorted(times, end_ms, side="right")
    if first > 0:
        for i in range(first, stop):
            times[i - first] = times[i]
            values[i - first] = values[i]
            if len(starts) > 0:
                starts[i - first] = starts[i]
    return int(stop - first)
