"""
Values that are whole or decimal numbers: scaled to integers, then packed as they are, as differences, or as differences of those.

A value is ``m / 10**exponent`` with ``|m| < 2**53``, and ``m`` has `shift` low zero bits that are not kept. Division is
correctly rounded, so a value that passes the test at encoding comes back bit for bit. What does not fit (NaN, infinities, -0) stands
aside with all its bits, if it is rare.

Layout in words: the first ``order`` integers (a number, then a difference); a stream (`bongsu.kernels.packing`) of the others whose head
carries, from bit 32: 5 bits exponent, 6 bits shift, 16 bits number of values aside; then the values aside, then their positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_EXPONENT = 15
"""More decimals than a double has digits are never right."""

ASIDE_SHARE = 16
"""At most one value in this many may stand aside; else another codec is better."""

_MAX_INTEGER = 9007199254740992.0  # 2**53: every smaller whole number is a double
_POWERS = np.array([float(10**e) for e in range(MAX_EXPONENT + 1)])


@inner_kernel
def _is_scaled(value: float, bits: int, power: float) -> bool:
    """Tell whether a value is a whole number of 1/power, exactly."""
    scaled = np.rint(value * power)
    if not abs(scaled) < _MAX_INTEGER:
        return False
    back = scaled / power
    # Equal floats differ in bits only for the two zeros, and rint keeps the sign of zero.
    return back == value and not (value == 0.0 and bits != 0)


@inner_kernel
def scale_numbers(
    bits: NDArray[np.int64], values: NDArray[np.float64], out: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Write the integers; return (exponent, shift, values aside), exponent -1 when too many do not fit. Those aside repeat their neighbour."""
    n = len(bits)
    exponent = 0
    aside = 0
    allowed = n // ASIDE_SHARE + 1
    for i in range(n):
        e = exponent
        while e <= MAX_EXPONENT and not _is_scaled(values[i], bits[i], _POWERS[e]):
            e += 1
        if e <= MAX_EXPONENT:
            exponent = e
        else:
            aside += 1
            if aside > allowed:
                return -1, 0, 0
    power = _POWERS[exponent]
    aside = 0
    previous = np.int64(0)
    union = np.int64(0)
    for i in range(n):
        if _is_scaled(values[i], bits[i], power):
            previous = np.int64(np.rint(values[i] * power))
            union |= previous
        else:
            aside += 1
        out[i] = previous
    if aside > allowed or aside == n:
        return -1, 0, 0
    shift = 0
    if union != 0:
        while not (union >> shift) & 1:
            shift += 1
    for i in range(n):
        out[i] >>= shift
    return exponent, shift, aside


@inner_kernel
def difference_once(numbers: NDArray[np.int64], order: int) -> None:
    """Turn differences of one order less into those of `order`, in place; the first `order` entries start them."""
    for i in range(len(numbers) - 1, order - 1, -1):
        numbers[i] -= numbers[i - 1]


@inner_kernel
def put_aside(
    bits: NDArray[np.int64],
    values: NDArray[np.float64],
    exponent: int,
    aside: int,
    words: NDArray[np.uint64],
    at: int,
) -> int:
    """Write the values that `scale_numbers` counted as not fitting, behind the stream; return the word after them."""
    end = at + aside + (aside + 3) // 4
    words[at:end] = np.uint64(0)
    k = 0
    for i in range(len(bits)):
        if aside > 0 and not _is_scaled(values[i], bits[i], _POWERS[exponent]):
            words[at + k] = np.uint64(bits[i])
            words[at + aside + (k >> 2)] |= np.uint64(i) << np.uint64(16 * (k & 3))
            k += 1
    return end


@inner_kernel
def restore_numbers(
    order: int, extra: int, words: NDArray[np.uint64], at: int, out: NDArray[np.float64]
) -> int:
    """
    Turn differences of an order, unpacked into the place of the values, into the values; return the word after those aside.

    `extra` is the free half of the stream's head, and `at` the word after the stream.
    """
    n = len(out)
    numbers = out.view(np.int64)
    if order == 1:
        for i in range(1, n):
            numbers[i] += numbers[i - 1]
    elif order == 2:
        step = numbers[1]
        numbers[1] += numbers[0]
        for i in range(2, n):
            step += numbers[i]
            numbers[i] = numbers[i - 1] + step
    exponent, shift, aside = extra & 31, (extra >> 5) & 63, (extra >> 11) & 0xFFFF
    power = _POWERS[exponent]
    if exponent == 0:
        # Whole numbers, as counters and bytes mostly are: a division costs three times the rest.
        for i in range(n):
            out[i] = np.float64(numbers[i] << shift)
    else:
        for i in range(n):
            out[i] = np.float64(numbers[i] << shift) / power
    for k in range(aside):
        position = (words[at + aside + (k >> 2)] >> np.uint64(16 * (k & 3))) & np.uint64(0xFFFF)
        numbers[np.int64(position)] = np.int64(words[at + k])
    return at + aside + (aside + 3) // 4
