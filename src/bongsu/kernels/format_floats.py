"""
Numbers as Prometheus' JSON writes them: the shortest decimal that reads back as the same float, straight into bytes.

The digits come from Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020, sections 8 and 9): one
candidate interval per float, one 64 × 128 bit product per bound, no big integers. Whole numbers and short decimals, which most
readings are, take a shorter way that gives the same digits.

The form is that of Go's ``strconv.FormatFloat(v, 'f', -1, 64)``, or ``'e'`` where the magnitude is below 1e-6 or from 1e21 up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FLOAT_BYTES = 26
"""No float is longer: ``-0.0000012345678901234567`` has 25 characters, and one is kept in reserve."""

MAX_TIME_BYTES = 24
"""No time is longer: 20 characters of int64 with its sign, a point and three digits."""

_MIN_POWER, _MAX_POWER = -292, 324
"""The powers of ten that scale any finite double to a 17-digit integer (Schubfach, section 9.8.1)."""


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
_TEN_TO = np.array([10**n for n in range(20)], dtype=np.uint64)

# numba turns a sum of uint64 and a plain int into a float, so every constant carries its type.
_U0, _U1, _U2, _U4, _U10, _U32, _U40 = (np.uint64(n) for n in (0, 1, 2, 4, 10, 32, 40))
_U48 = np.uint64(48)  # the character "0"
_LOW_WORD = np.uint64(0xFFFF_FFFF)
_SIGN_BIT = np.uint64(1 << 63)
_FRACTION_BITS = np.uint64(52)
_FRACTION_MASK = np.uint64((1 << 52) - 1)
_HIDDEN_BIT = np.uint64(1 << 52)
_EXPONENT_MASK = np.uint64(0x7FF)
_EXPONENT_BIAS = 1075

_EXACT_INTEGERS = 9007199254740992.0
"""Below 2**53 every whole number is a double of its own."""

_SHORT_SCALE = 1000.0
_SHORT_LIMIT = 1e15
"""A decimal of at most 15 digits reads back to one double only, so any that does is the shortest."""


@kernel
def _multiply(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the high and the low 64 bits of a product."""
    a_low, a_high = a & _LOW_WORD, a >> _U32
    b_low, b_high = b & _LOW_WORD, b >> _U32
    low = a_low * b_low
    cross = a_high * b_low + (low >> _U32)
    middle = a_low * b_high + (cross & _LOW_WORD)
    return a_high * b_high + (cross >> _U32) + (middle >> _U32), a * b


@kernel
def _round_to_odd(power_high: np.uint64, power_low: np.uint64, c: np.uint64) -> np.uint64:
    """Return bits 128 and up of ``power * c``; the lowest bit is also set when anything was cut off."""
    carry, _ = _multiply(power_low, c)
    high, low = _multiply(power_high, c)
    total = low + carry
    if total < low:
        high += _U1
    return high | _U1 if total > _U1 else high


@kernel
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
    row = -k - _MIN_POWER
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


@kernel
def _without_zeros(digits: np.uint64, power: int) -> tuple[np.uint64, int]:
    """Return the same number without trailing zeros in its digits."""
    while True:
        shorter = digits // _U10
        if shorter * _U10 != digits:
            return digits, power
        digits = shorter
        power += 1


@kernel
def _decimal(value: float, bits: np.uint64) -> tuple[np.uint64, int]:
    """Return the shortest digits and the power of ten of a positive finite float."""
    if value < _EXACT_INTEGERS and value == np.floor(value):
        return np.uint64(np.int64(value)), 0
    scaled = value * _SHORT_SCALE
    if 1.0 <= scaled < _SHORT_LIMIT:
        whole = np.rint(scaled)
        if whole / _SHORT_SCALE == value:
            return _without_zeros(np.uint64(np.int64(whole)), -3)
    digits, power = _shortest(bits)
    return _without_zeros(digits, power)


@kernel
def _count_digits(number: np.uint64) -> int:
    """Return how many decimal digits a number has; 1 for zero."""
    count = 1
    while count < 20 and number >= _TEN_TO[count]:
        count += 1
    return count


@kernel
def _put_digits(out: NDArray[np.uint8], start: int, stop: int, number: np.uint64) -> np.uint64:
    """Write the lowest digits of a number into ``out[start:stop]``, zero-padded; return what is left of the number."""
    for place in range(stop - 1, start - 1, -1):
        shorter = number // _U10
        out[place] = np.uint8(number - shorter * _U10 + _U48)
        number = shorter
    return number


@kernel
def _put_word(out: NDArray[np.uint8], at: int, a: int, b: int, c: int) -> int:
    """Write three characters."""
    out[at] = a
    out[at + 1] = b
    out[at + 2] = c
    return at + 3


@kernel
def _put_exponential(out: NDArray[np.uint8], at: int, digits: np.uint64, count: int, exponent: int) -> int:
    """Write ``d.ddde±xx`` with at least two digits of exponent."""
    stop = at + count + (1 if count > 1 else 0)
    first = _put_digits(out, at + 2, stop, digits) if count > 1 else digits
    out[at] = np.uint8(first + _U48)
    if count > 1:
        out[at + 1] = 46  # .
    out[stop] = 101  # e
    out[stop + 1] = 45 if exponent < 0 else 43  # - or +
    size = np.uint64(abs(exponent))
    width = max(2, _count_digits(size))
    _put_digits(out, stop + 2, stop + 2 + width, size)
    return stop + 2 + width


@kernel
def _put_plain(out: NDArray[np.uint8], at: int, digits: np.uint64, count: int, power: int) -> int:
    """Write a decimal without exponent."""
    if power >= 0:
        stop = at + count
        _put_digits(out, at, stop, digits)
        for place in range(stop, stop + power):
            out[place] = 48
        return stop + power
    point = at + count + power
    if point > at:
        stop = at + count + 1
        whole = _put_digits(out, point + 1, stop, digits)
        out[point] = 46
        _put_digits(out, at, point, whole)
        return stop
    out[at] = 48
    out[at + 1] = 46
    stop = at + 2 - power
    _put_digits(out, at + 2, stop, digits)
    return stop


@kernel
def put_float(out: NDArray[np.uint8], at: int, value: float, bits: np.uint64) -> int:
    """Write one float, of which `bits` is the pattern, and return the position after it; needs `MAX_FLOAT_BYTES` of room."""
    if value != value:
        return _put_word(out, at, 78, 97, 78)  # NaN
    if bits & _SIGN_BIT:
        out[at] = 45
        at += 1
        value = -value
        bits ^= _SIGN_BIT
    elif value == np.inf:
        out[at] = 43
        at += 1
    if value == np.inf:
        return _put_word(out, at, 73, 110, 102)  # Inf
    digits, power = _decimal(value, bits)
    count = _count_digits(digits)
    # The value is 0.ddd times ten to the power `place`; these bounds are 1e-6 and 1e21.
    place = count + power
    if digits != _U0 and (place < -5 or place > 21):
        return _put_exponential(out, at, digits, count, place - 1)
    return _put_plain(out, at, digits, count, power)


@kernel
def put_time(out: NDArray[np.uint8], at: int, time_ms: int) -> int:
    """Write Unix milliseconds as seconds, with three decimals unless they are whole; needs `MAX_TIME_BYTES` of room."""
    size = np.uint64(time_ms)
    if time_ms < 0:
        out[at] = 45
        at += 1
        size = _U0 - size
    thousandths = size % _TEN_TO[3]
    seconds = size // _TEN_TO[3]
    stop = at + _count_digits(seconds)
    _put_digits(out, at, stop, seconds)
    if thousandths == _U0:
        return stop
    out[stop] = 46
    _put_digits(out, stop + 1, stop + 4, thousandths)
    return stop + 4


@kernel
def _put_text(
    out: NDArray[np.uint8], at: int, texts: NDArray[np.uint8], starts: NDArray[np.int64], text: int
) -> int:
    for source in range(starts[text], starts[text + 1]):
        out[at] = texts[source]
        at += 1
    return at


@kernel
def _put_labels(
    out: NDArray[np.uint8],
    at: int,
    texts: NDArray[np.uint8],
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    row: int,
) -> int:
    """Write the fragments of one series, with commas between them."""
    first = True
    for column in range(codes.shape[0]):
        code = codes[column, row]
        if code < 0:
            continue
        if not first:
            out[at] = 44
            at += 1
        first = False
        at = _put_text(out, at, texts, starts, code)
    return at


@kernel
def _room_for_labels(starts: NDArray[np.int64], codes: NDArray[np.int32], row: int) -> int:
    room = 0
    for column in range(codes.shape[0]):
        code = codes[column, row]
        if code >= 0:
            room += starts[code + 1] - starts[code] + 1
    return room


@kernel
def _has_floats(kinds: NDArray[np.uint8], row: int) -> bool:
    return kinds.shape[0] == 0 or bool(np.any(kinds[row] == 1))


@kernel
def write_matrix(
    texts: NDArray[np.uint8],
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    first: int,
    out: NDArray[np.uint8],
) -> tuple[int, int]:
    """
    Write series as JSON objects, as many as fit.

    Parameters
    ----------
    texts : ndarray of uint8
    starts : ndarray of int64, shape (n_texts + 1,)
        Text *i* is ``texts[starts[i]:starts[i + 1]]``. Texts 0, 1 and 2 stand before the labels, between labels and points, and
        after the points; text ``3 + step`` opens the point of a step, up to and with the quote before its value.
    codes : ndarray of int32, shape (n_columns, n_series)
        The text of each label, negative where the series lacks it.
    values : ndarray of float64, shape (n_series, n_steps)
    kinds : ndarray of uint8, shape (n_series, n_steps) or (0, 0)
        1 where the cell is a float; empty when all are. A series without floats is left out.
    order : ndarray of int64, shape (n_written,)
        The series to write, in order.
    first : int
        Where in `order` to begin.
    out : ndarray of uint8
        Overwritten from the start.

    Returns
    -------
    used : int
        Bytes written; each series ends with text 2, which brings its own comma.
    next_first : int
        Where in `order` to go on; equal to `first` when `out` has no room for that series.
    """
    at = 0
    bits = values.view(np.uint64)
    steps = values.shape[1]
    widest = 0
    for text in range(3, 3 + steps):
        widest = max(widest, starts[text + 1] - starts[text])
    fixed = starts[3] - starts[0] + steps * (widest + MAX_FLOAT_BYTES + 3)
    for index in range(first, len(order)):
        row = order[index]
        if not _has_floats(kinds, row):
            continue
        if at + fixed + _room_for_labels(starts, codes, row) > len(out):
            return at, index
        at = _put_text(out, at, texts, starts, 0)
        at = _put_labels(out, at, texts, starts, codes, row)
        at = _put_text(out, at, texts, starts, 1)
        for step in range(steps):
            if kinds.shape[0] != 0 and kinds[row, step] != 1:
                continue
            at = _put_text(out, at, texts, starts, 3 + step)
            at = put_float(out, at, values[row, step], bits[row, step])
            at = _put_word(out, at, 34, 93, 44)  # "],
        at = _put_text(out, at - 1, texts, starts, 2)
    return at, len(order)


@kernel
def write_ranges(
    texts: NDArray[np.uint8],
    starts: NDArray[np.int64],
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
    first: int,
    out: NDArray[np.uint8],
) -> tuple[int, int]:
    """
    Write series that have times of their own as JSON objects, as many as fit.

    As `write_matrix`, but series *i* has the points ``offsets[i]:offsets[i + 1]`` of `timestamps` (Unix milliseconds) and `values`,
    and series are written in their own order; those without points are left out.
    """
    at = 0
    bits = values.view(np.uint64)
    for row in range(first, len(offsets) - 1):
        count = offsets[row + 1] - offsets[row]
        if count == 0:
            continue
        room = starts[3] - starts[0] + count * (MAX_TIME_BYTES + MAX_FLOAT_BYTES + 6)
        if at + room + _room_for_labels(starts, codes, row) > len(out):
            return at, row
        at = _put_text(out, at, texts, starts, 0)
        at = _put_labels(out, at, texts, starts, codes, row)
        at = _put_text(out, at, texts, starts, 1)
        for point in range(offsets[row], offsets[row + 1]):
            out[at] = 91  # [
            at = put_time(out, at + 1, timestamps[point])
            out[at] = 44
            out[at + 1] = 34
            at = put_float(out, at + 2, values[point], bits[point])
            at = _put_word(out, at, 34, 93, 44)
        at = _put_text(out, at - 1, texts, starts, 2)
    return at, len(offsets) - 1


@kernel
def write_floats(values: NDArray[np.float64], out: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
    """Write floats one after another; value *i* ends at ``ends[i]``. `out` has `MAX_FLOAT_BYTES` for each."""
    at = 0
    bits = values.view(np.uint64)
    for i in range(len(values)):
        at = put_float(out, at, values[i], bits[i])
        ends[i] = at


@kernel
def write_times(
    times_ms: NDArray[np.int64], before: int, after: int, out: NDArray[np.uint8], ends: NDArray[np.int64]
) -> None:
    """Write times one after another, each between the characters `before`, and `after` and a quote; time *i* ends at ``ends[i]``."""
    at = 0
    for i in range(len(times_ms)):
        out[at] = before
        at = put_time(out, at + 1, times_ms[i])
        out[at] = after
        out[at + 1] = 34
        at += 2
        ends[i] = at


def warm() -> None:
    """Compile what answers call, with the types that they call it with."""
    texts = np.frombuffer(b"{}],[", dtype=np.uint8)
    starts = np.array([0, 1, 3, 4, 5], dtype=np.int64)
    codes = np.zeros((1, 1), dtype=np.int32)
    values = np.ones((1, 1))
    out = np.empty(256, dtype=np.uint8)
    ends = np.empty(1, dtype=np.int64)
    offsets = np.array([0, 1], dtype=np.int64)
    write_matrix(texts, starts, codes, values, np.empty((0, 0), dtype=np.uint8), offsets[:1], 0, out)
    write_ranges(texts, starts, codes, offsets, offsets[:1], values[0], 0, out)
    write_floats(values[0], out, ends)
    write_times(offsets[:1], 91, 44, out, ends)
