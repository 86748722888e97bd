"""
Float samples of a log record as words: columns of differences, and values that are mostly short whole or decimal numbers.

A record stands for itself, so a value can't lean on the one before it in its series. It is a number ``m`` of some *scale*, decimals or
binary zeros left out, and takes as many bits as its *class* says: at most 16 classes of scale and width, chosen for each record, so
that a value costs four bits for its class and then hardly more than its digits.

Layout in 64-bit little-endian words::

    references, times, start timestamps if there are any: each the first number, then streams (`bongsu.kernels.packing`) of the
                differences, at most `STREAM_NUMBERS` to a stream
    classes     16 bits each, four to a word: their number, then for each ``scale | width << 8``
    tags        4 bits each: the class of each value
    digits      of each value as many bits as its class is wide, low bits first: ``m`` with its sign in the lowest bit, or all 64
                bits of a value of scale `RAW`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels.packing import bit_length, pack_stream, plan_stream, unpack_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAM_NUMBERS = 32_768
"""Differences of a stream: positions of exceptions have 16 bits, and a burst of wide ones costs its own stream only."""

MAX_CLASSES = 16
RAW = 15
"""Scale of values that no short number stands for: NaN of any payload, infinities, -0, noise."""

_DECIMALS = 10  # scales 0 to 9: tenths to the power of the scale
_KIBI, _PAGE, _MEBI = 10, 11, 12  # scales: whole numbers of 2**10, 2**12, 2**20
_SHIFTS = np.array([0] * _DECIMALS + [10, 12, 20, 0, 0, 0], dtype=np.int64)
_POWERS = np.array([float(10**e) for e in range(_DECIMALS)])
_LAST_BITS = 1e-15
_MAX_INTEGER = 9007199254740992.0  # 2**53: every smaller whole number is a double


def words_needed(n: int) -> int:
    """Return words that hold any float samples, and what is tried on the way."""
    streams = n // STREAM_NUMBERS + 1
    return 3 * (1 + n + 4 * streams) + 5 + n // 16 + 2 + n + 2


@inner_kernel
def _pack_column(
    numbers: NDArray[np.int64], scratch: NDArray[np.int64], words: NDArray[np.uint64], at: int
) -> int:
    zero = at - at  # not a literal: numba would compile what is called once more for it
    words[at] = np.uint64(numbers[0])
    at += 1
    for low in range(1, len(numbers), STREAM_NUMBERS):
        n = min(STREAM_NUMBERS, len(numbers) - low)
        for i in range(n):
            scratch[i] = numbers[low + i] - numbers[low + i - 1]
        _, base, width = plan_stream(scratch[:n], scratch[n:])
        at = pack_stream(scratch[:n], base, width, zero, words, at)
    return at


@inner_kernel
def _unpack_column(words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    out[0] = np.int64(words[at])
    at += 1
    for low in range(1, len(out), STREAM_NUMBERS):
        n = min(STREAM_NUMBERS, len(out) - low)
        at = unpack_stream(words, at, out[low : low + n])
        for i in range(low, low + n):
            out[i] += out[i - 1]
    return at


@inner_kernel
def _scale_of(value: float, bits: int, number: NDArray[np.int64]) -> int:
    """Return the scale of a value, and write its number."""
    for e in range(_DECIMALS):
        product = value * _POWERS[e]
        scaled = np.rint(product)
        if not abs(scaled) < _MAX_INTEGER:
            return RAW
        # A product that is right is off by its last bits at most; dividing costs far more than finding those that are not.
        if abs(product - scaled) <= abs(scaled) * _LAST_BITS and scaled / _POWERS[e] == value:
            if value == 0.0 and bits != 0:
                return RAW
            m = np.int64(scaled)
            number[0] = m
            if e > 0 or m == 0 or m & 0x3FF:
                return e
            scale = _MEBI if m & 0xFFFFF == 0 else _PAGE if m & 0xFFF == 0 else _KIBI
            number[0] = m >> _SHIFTS[scale]
            return scale
    return RAW


@owning_kernel
def _choose_classes(counts: NDArray[np.int64], classes: NDArray[np.int64]) -> int:
    """
    Write at most `MAX_CLASSES` classes, rising by scale and width, that serve all values; return how many.

    `counts` has the values of each ``scale << 7 | width``. Neighbours of one scale are joined, those first whose join costs least.
    """
    n = 0
    many = np.empty(len(counts), dtype=np.int64)
    of_class = np.empty(len(counts), dtype=np.int64)
    for key in range(len(counts)):
        if counts[key] > 0:
            many[n] = counts[key]
            of_class[n] = key
            n += 1
    while n > MAX_CLASSES:
        best, best_cost = 0, -1
        for i in range(n - 1):
            if of_class[i] >> 7 == of_class[i + 1] >> 7:
                cost = many[i] * (of_class[i + 1] - of_class[i])
                if best_cost < 0 or cost < best_cost:
                    best, best_cost = i, cost
        many[best + 1] += many[best]
        for i in range(best, n - 1):
            many[i] = many[i + 1]
            of_class[i] = of_class[i + 1]
        n -= 1
    for i in range(n):
        classes[i] = of_class[i]
    return n


@owning_kernel
def _pack_values(bits: NDArray[np.int64], words: NDArray[np.uint64], at: int) -> int:
    n = len(bits)
    values = bits.view(np.float64)
    digits = np.empty(n, dtype=np.uint64)
    keys = np.empty(n, dtype=np.int16)
    counts = np.zeros(16 << 7, dtype=np.int64)
    number = np.zeros(1, dtype=np.int64)
    for i in range(n):
        scale = _scale_of(values[i], bits[i], number)
        if scale == RAW:
            digits[i] = np.uint64(bits[i])
            key = RAW << 7 | 64
        else:
            digits[i] = np.uint64((number[0] << 1) ^ (number[0] >> 63))
            key = scale << 7 | bit_length(digits[i])
        keys[i] = key
        counts[key] += 1
    classes = np.empty(MAX_CLASSES, dtype=np.int64)
    n_classes = _choose_classes(counts, classes)
    tag_of_key = np.zeros(16 << 7, dtype=np.int64)
    tag = 0
    for key in range(16 << 7):
        if tag < n_classes and key > classes[tag]:
            tag += 1
        tag_of_key[key] = tag
    n_slots = (n_classes + 4) // 4
    tags_at = at + n_slots
    digits_at = tags_at + (n + 15) // 16
    words[at:digits_at] = np.uint64(0)
    words[at] = np.uint64(n_classes)
    for i in range(n_classes):
        slot = np.uint64(classes[i] >> 7 | (classes[i] & 0x7F) << 8)
        words[at + ((i + 1) >> 2)] |= slot << np.uint64(16 * ((i + 1) & 3))
    word = np.uint64(0)
    used = 0
    end = digits_at
    for i in range(n):
        tag = tag_of_key[keys[i]]
        words[tags_at + (i >> 4)] |= np.uint64(tag) << np.uint64(4 * (i & 15))
        width = classes[tag] & 0x7F
        word |= digits[i] << np.uint64(used)
        if used + width >= 64:
            words[end] = word
            end += 1
            # Shifted in two steps, since a shift by 64 is undefined.
            word = (digits[i] >> np.uint64(1)) >> np.uint64(63 - used)
            used += width - 64
        else:
            used += width
    if used > 0:
        words[end] = word
        end += 1
    return end


@owning_kernel
def _unpack_values(words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    n = len(out)
    values = out.view(np.float64)
    n_classes = int(words[at] & np.uint64(0xFFFF))
    scales = np.zeros(MAX_CLASSES, dtype=np.int64)
    widths = np.zeros(MAX_CLASSES, dtype=np.int64)
    for i in range(min(n_classes, MAX_CLASSES)):
        slot = np.int64((words[at + ((i + 1) >> 2)] >> np.uint64(16 * ((i + 1) & 3))) & np.uint64(0xFFFF))
        scales[i] = slot & 0xF
        widths[i] = slot >> 8
    tags_at = at + (n_classes + 4) // 4
    bit = (tags_at + (n + 15) // 16) << 6
    for i in range(n):
        tag = np.int64((words[tags_at + (i >> 4)] >> np.uint64(4 * (i & 15))) & np.uint64(0xF))
        width = widths[tag]
        k = bit >> 6
        s = np.uint64(bit & 63)
        digits = (words[k] >> s) | ((words[k + 1] << np.uint64(1)) << (np.uint64(63) - s))
        bit += width
        scale = scales[tag]
        if scale == RAW:
            out[i] = np.int64(digits)
            continue
        if width < 64:
            digits &= (np.uint64(1) << np.uint64(width)) - np.uint64(1)
        m = np.int64(digits >> np.uint64(1)) ^ -np.int64(digits & np.uint64(1))
        if scale < _DECIMALS:
            values[i] = np.float64(m) / _POWERS[scale]
        else:
            values[i] = np.float64(m << _SHIFTS[scale])
    return int((bit + 63) >> 6)


@kernel
def pack_floats(
    refs: NDArray[np.int64],
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> int:
    """Write at least one sample; return the words used. `starts` has length 0 or one entry per row, `out` has `words_needed`."""
    at = len(out) - len(out)
    scratch = np.empty(min(len(refs), STREAM_NUMBERS) + 65, dtype=np.int64)
    at = _pack_column(refs, scratch, out, at)
    at = _pack_column(times, scratch, out, at)
    if len(starts) > 0:
        at = _pack_column(starts, scratch, out, at)
    return _pack_values(bits, out, at)


@kernel
def unpack_floats(
    words: NDArray[np.uint64],
    refs: NDArray[np.int64],
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
) -> int:
    """Read what `pack_floats` wrote; return the words read. One word behind the end is read too."""
    at = len(words) - len(words)
    at = _unpack_column(words, at, refs)
    at = _unpack_column(words, at, times)
    if len(starts) > 0:
        at = _unpack_column(words, at, starts)
    return _unpack_values(words, at, bits)


def warm() -> None:
    """Compile for the types that are called with."""
    number = np.zeros(1, dtype=np.int64)
    words = np.zeros(words_needed(1) + 1, dtype=np.uint64)
    pack_floats(number, number, number, number, words)
    unpack_floats(words, number, number, number, number)
