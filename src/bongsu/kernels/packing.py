"""
A stream of integers, bit-packed: every number less a common base takes the same few bits, and the ones that do not fit stand aside.

Layout in 64-bit little-endian words::

    head       bits 0-7 width, bits 8-23 number of exceptions, bits 32-63 free for the codec that uses the stream
    base       signed
    packed     count × width bits, low bits first, in whole words
    exceptions one word each: the number itself
    positions  16 bits each, four to a word, in whole words

Source of the idea of exceptions: M. Zukowski et al., "Super-Scalar RAM-CPU Cache Compression" (ICDE 2006), section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels import _words
from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_COUNT = 65_535
"""Positions of exceptions have 16 bits."""

HEAD_WORDS = 2

_IN_ONE_LOAD = 57
"""Numbers of so many bits lie in eight bytes from the byte on that they begin in."""

_load_word: Any = _words.load_word
_leading_zeros: Any = _words.leading_zeros

ENTROPY_MARK = 128
"""In the place of a width: the stream is one of `bongsu.kernels.entropy`, with a table of so many bits more."""


@inner_kernel
def bit_length(number: np.uint64) -> int:
    """Return how many bits a number needs; 0 for 0."""
    return int(64 - _leading_zeros(number))


@kernel
def plan_stream(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[int, int, int]:
    """
    Choose base and width for the fewest bytes; return (bytes, base, width).

    The base is the smallest number, or the second smallest: a counter's reset is one far outlier below all others. `counts` is
    scratch of length 65.
    """
    n = len(numbers)
    if n == 0:
        return stream_bytes(n, n, n), n, n
    lowest = highest = numbers[0]
    for i in range(n):
        lowest, highest = min(lowest, numbers[i]), max(highest, numbers[i])
    second = highest
    for i in range(n):
        if numbers[i] != lowest:
            second = min(second, numbers[i])
    best_size, best_base, best_width = 8 * (n + HEAD_WORDS), lowest, 64
    for attempt in range(2 if n > 2 and second != lowest else 1):
        if best_width == 0:
            break
        base = lowest if attempt == 0 else second
        most = bit_length(np.uint64(highest - base))
        exceptions = _count_lengths(numbers, base, most, counts)
        for width in range(most, -1, -1):
            size = stream_bytes(n, width, exceptions)
            if size < best_size or (size == best_size and attempt == 0):
                best_size, best_base, best_width = size, base, width
            exceptions += counts[width]
            if stream_bytes(n, n - n, exceptions) > best_size:
                break  # fewer bits are more exceptions, which take too much by themselves
    return best_size, best_base, best_width


@inner_kernel
def _count_lengths(numbers: NDArray[np.int64], base: int, most: int, counts: NDArray[np.int64]) -> int:
    """Count the numbers from a base on by the bits of their distance from it, `most` at most; return how many are below."""
    counts[: most + 1] = 0
    below = 0
    for i in range(len(numbers)):
        # One below the base is very far away; counted with the widest, so that nothing has to branch.
        counts[min(bit_length(np.uint64(numbers[i] - base)), most)] += 1
        below += numbers[i] < base
    counts[most] -= below
    return below


@inner_kernel
def stream_bytes(count: int, width: int, exceptions: int) -> int:
    """Return the bytes of a stream."""
    return 8 * (HEAD_WORDS + (count * width + 63) // 64 + exceptions + (exceptions + 3) // 4)


@kernel
def pack_stream(
    numbers: NDArray[np.int64],
    base: int,
    width: int,
    extra: int,
    words: NDArray[np.uint64],
    at: int,
) -> int:
    """Write a stream at word `at`; return the word after it. `extra` goes into the upper half of the head."""
    n = len(numbers)
    packed_at = at + HEAD_WORDS
    exceptions_at = packed_at + (n * width + 63) // 64
    exceptions = 0
    word = np.uint64(0)
    k, used = packed_at, n - n
    for i in range(n):
        number = np.uint64(numbers[i] - base)
        if bit_length(number) > width:
            words[exceptions_at + exceptions] = np.uint64(numbers[i])
            exceptions += 1
            number = np.uint64(0)
        word |= number << np.uint64(used)
        used += width
        if used >= 64:
            words[k] = word
            k += 1
            used -= 64
            # What is left of the number, shifted in two steps: a shift by 64 is undefined.
            word = (number >> np.uint64(1)) >> np.uint64(width - used - 1)
    if used > 0:
        words[k] = word
    positions_at = exceptions_at + exceptions
    end = positions_at + (exceptions + 3) // 4
    if exceptions > 0:
        words[positions_at:end] = np.uint64(0)
        k = 0
        for i in range(n):
            if bit_length(np.uint64(numbers[i] - base)) > width:
                words[positions_at + (k >> 2)] |= np.uint64(i) << np.uint64(16 * (k & 3))
                k += 1
    words[at] = np.uint64(width) | np.uint64(exceptions) << np.uint64(8) | np.uint64(extra) << np.uint64(32)
    words[at + 1] = np.uint64(base)
    return end


@kernel
def unpack_stream(words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    """Read a stream of ``len(out)`` numbers at word `at`; return the word after it. One word behind its end is read too."""
    n = len(out)
    head = words[at]
    width = int(np.int64(head & np.uint64(0xFF)))
    exceptions = int(np.int64((head >> np.uint64(8)) & np.uint64(0xFFFF)))
    base = np.int64(words[at + 1])
    at += HEAD_WORDS
    if width == 0:
        out[:] = base
    elif width == 64:
        for i in range(n):
            out[i] = np.int64(words[at + i]) + base
    elif width <= _IN_ONE_LOAD:
        # From any byte on eight are loaded at once, and no number waits for the one before.
        bits, place = np.uint64(width), np.int64(words.ctypes.data) + 8 * at
        mask = (np.uint64(1) << bits) - np.uint64(1)
        for i in range(np.uint64(n)):
            bit = i * bits
            word = _load_word(place + np.int64(bit >> np.uint64(3)))
            out[i] = np.int64((word >> (bit & np.uint64(7))) & mask) + base
    else:
        _unpack_words(words, at, width, base, out)
    at += (n * width + 63) // 64
    for k in range(exceptions):
        position = (words[at + exceptions + (k >> 2)] >> np.uint64(16 * (k & 3))) & np.uint64(0xFFFF)
        out[np.int64(position)] = np.int64(words[at + k])
    return at + exceptions + (exceptions + 3) // 4


@inner_kernel
def _unpack_words(
    words: NDArray[np.uint64], at: int, width: int, base: np.int64, out: NDArray[np.int64]
) -> None:
    """Read numbers of any width, each from the one or two words that it lies in."""
    bits = np.uint64(width)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(len(out)):
        bit = np.uint64(i) * bits
        k, shift = at + np.int64(bit >> np.uint64(6)), bit & np.uint64(63)
        number = words[k] >> shift
        if shift + bits > np.uint64(64):
            number |= words[k + 1] << (np.uint64(64) - shift)
        out[i] = np.int64(number & mask) + base
