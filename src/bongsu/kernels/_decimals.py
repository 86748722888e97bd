"""
The shortest decimal that reads back as the same float, and its digits as characters.

The digits come from Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020, sections 8 and 9): one
candidate interval per float, one 64 × 128 bit product per bound, no big integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels import _words
from bongsu.kernels._jit import inner_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MIN_POWER, _MAX_POWER = -292, 324
"""The powers of ten that scale any finite double to a 17-digit integer (Schubfach, section 9.8.1)."""

DIGITS = 17
"""No double needs more."""


def _powers_of_ten() -> NDArray[np.uint64]:
    """Return 10**p for each power as 128 bits with the top bit set, rounded up; shape (n_powers, 2), high word first."""
    table = np.empty((_MAX_POWER - _MIN_POWER + 1, 2), dtype=np.uint64)
    for row, power in enumerate(range(_MIN_POWER, _MAX_POWER + 1)):
        if power >= 0:
            shift = (10**power).bit_length() - 128
            scaled = 10**power << -shift if shift <= 0 else -(-(10**power) >> shift)
        else:
            bits = (10**-power).bit_length()
            shift = 127 + bits
            scaled = -((-1 << shift) // 10**-power)
        table[row] = scaled >> 64, scaled & 0xFFFF_FFFF_FFFF_FFFF
    return table


_POWERS = _powers_of_ten()
TEN_TO = np.array([10**n for n in range(20)], dtype=np.uint64)

# numba turns a sum of uint64 and a plain int into a float, so every constant carries its type.
_U0, _U1, _U2, _U4, _U10, _U40 = (np.uint64(n) for n in (0, 1, 2, 4, 10, 40))
_FRACTION_BITS = np.uint64(52)
_FRACTION_MASK = np.uint64((1 << 52) - 1)
_HIDDEN_BIT = np.uint64(1 << 52)
_EXPONENT_MASK = np.uint64(0x7FF)
_EXPONENT_BIAS = 1075

_EXACT_INTEGERS = 9007199254740992.0
"""Below 2**53 every whole number is a double of its own."""

_multiply: Any = _words.multiply
_leading_zeros: Any = _words.leading_zeros


@inner_kernel
def _round_to_odd(power_high: np.uint64, power_low: np.uint64, c: np.uint64) -> np.uint64:
    """Return bits 128 and up of ``power * c``; the lowest bit is also set when anything was cut off."""
    carry, _ = _multiply(power_low, c)
    high, low = _multiply(power_high, c)
    total = low + carry
    if total < low:
        high += _U1
    return np.uint64(high | _U1 if total > _U1 else high)


@inner_kernel
def _shortest(bits: np.uint64) -> tuple[np.uint64, int]:
    """Return the digits and the power of ten of a finite float that is not zero, from its bits."""
    fraction = bits & _FRACTION_MASK
    exponent = int(np.int64((bits >> _FRACTION_BITS) & _EXPONENT_MASK))
    c = fraction
    q = 1 - _EXPONENT_BIAS
    if exponent != 0:
        c = fraction | _HIDDEN_BIT
        q = exponent - _EXPONENT_BIAS
    # At a power of two the neighbour below is half as far away as the one above.
    near_below = fraction == _U0 and exponent > 1
    odd = c & _U1
    k = (q * 1262611 - (524031 if near_below else 0)) >> 22  # floor(log10(2**q)), or of 3/4 of it
    row = np.uint64(-k - _MIN_POWER)
    h = np.uint64(q + ((-k * 1741647) >> 19) + 1)  # floor(log2(10**-k))
    power_high, power_low = _POWERS[row, 0], _POWERS[row, 1]
    c4 = c * _U4
    below = _round_to_odd(power_high, power_low, (c4 - (_U1 if near_below else _U2)) << h)
    value = _round_to_odd(power_high, power_low, c4 << h)
    above = _round_to_odd(power_high, power_low, (c4 + _U2) << h)
    # A bound itself reads back as this float only if the float is even: ties go to even.
    lower, upper = below + odd, above - odd
    s = value // _U4
    if s >= _U10:
        shorter = s // _U10
        down = lower <= shorter * _U40
        up = shorter * _U40 + _U40 <= upper
        if down != up:
            return shorter + (_U1 if up else _U0), k + 1
    down = lower <= s * _U4
    up = s * _U4 + _U4 <= upper
    if down != up:
        return s + (_U1 if up else _U0), k
    middle = s * _U4 + _U2
    round_up = value > middle or (value == middle and s & _U1 == _U1)
    return s + (_U1 if round_up else _U0), k


@inner_kernel
def decimal_of(value: float, bits: np.uint64) -> tuple[np.uint64, int]:
    """Return the shortest digits, trailing zeros among them, and the power of ten of a finite float that is not below zero."""
    if value < _EXACT_INTEGERS and value == np.floor(value):
        return np.uint64(np.int64(value)), 0
    return _shortest(bits)


@inner_kernel
def count_digits(number: np.uint64) -> int:
    """Return how many decimal digits a number below 10**19 has; 1 for zero."""
    number |= _U1  # makes one digit of zero, and no other number longer
    least = ((64 - _leading_zeros(number)) * 1233) >> 12  # floor(log10(2**bits)): right, or one too few
    return int(least + (1 if number >= TEN_TO[np.uint64(least)] else 0))


@inner_kernel
def _eight_digits(number: np.uint64) -> np.uint64:
    """
    Return the digits of a number below 10**8, one a byte, the first one lowest.

    Halves, quarters and eighths of the word are divided by 10000, 100 and 10 at once; the products with reciprocals are exact that far.
    """
    high = number // np.uint64(10_000)
    halves = high | (number - high * np.uint64(10_000)) << np.uint64(32)
    hundreds = ((halves * np.uint64(10_486)) >> np.uint64(20)) & np.uint64(0x0000_007F_0000_007F)
    quarters = hundreds | (halves - hundreds * np.uint64(100)) << np.uint64(16)
    tens = ((quarters * np.uint64(103)) >> np.uint64(10)) & np.uint64(0x000F_000F_000F_000F)
    return tens | (quarters - tens * _U10) << np.uint64(8)


@inner_kernel
def spread_digits(digits: np.uint64, count: int) -> tuple[np.uint64, np.uint64, np.uint64, int]:
    """
    Return the first digit, two words of eight digits each, and how many are left without trailing zeros, at least 1.

    `digits` has `count` of them, at most `DIGITS`; it is taken as if it went on with zeros.
    """
    digits *= TEN_TO[np.uint64(DIGITS - count)]
    first = digits // TEN_TO[16]
    rest = digits - first * TEN_TO[16]
    high = rest // TEN_TO[8]
    middle = _eight_digits(high)
    last = _eight_digits(rest - high * TEN_TO[8])
    if last != _U0:
        return first, middle, last, DIGITS - (_leading_zeros(last) >> 3)
    if middle != _U0:
        return first, middle, last, 9 - (_leading_zeros(middle) >> 3)
    return first, middle, last, 1
