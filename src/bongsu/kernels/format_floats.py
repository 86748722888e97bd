"""
Numbers as Prometheus' JSON writes them: the shortest decimal that reads back as the same float, straight into bytes.

Characters are written by whole words: what a word has too much is overwritten by what follows, so that a number takes no loop.

The form is that of Go's ``strconv.FormatFloat(v, 'f', -1, 64)``, or ``'e'`` where the magnitude is below 1e-6 or from 1e21 up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels import _words
from bongsu.kernels._decimals import DIGITS, count_digits, decimal_of, spread_digits
from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FLOAT_BYTES = 26
"""No float is longer: ``-0.0000012345678901234567`` has 25 characters, and one is kept in reserve."""

MAX_TIME_BYTES = 24
"""No time is longer: 20 characters of int64 with its sign, a point and three digits."""

TEXT_SLACK = 8
"""Texts are read by words: so many bytes must be readable behind the last one."""

_SLACK = 16
"""Whole words are written and the surplus overwritten: this much behind the last character is touched as well."""

_U0, _U8, _U48 = np.uint64(0), np.uint64(8), np.uint64(48)  # 48 is the character "0"
_SIGN_BIT = np.uint64(1 << 63)
_ZEROS = np.uint64(0x3030_3030_3030_3030)
_ZERO_POINT = np.uint64(0x3030_3030_3030_2E30)
"""``0.000000``, its first character lowest."""

_load_word: Any = _words.load_word
_store_word: Any = _words.store_word
_store_byte: Any = _words.store_byte


@inner_kernel
def _put_word(at: int, a: int, b: int, c: int) -> int:
    """Write three characters, and touch eight."""
    _store_word(at, np.uint64(a | b << 8 | c << 16))
    return at + 3


@inner_kernel
def _put_exponential(at: int, first: np.uint64, shown: int, exponent: int) -> int:
    """Write the exponent behind digits that stand from ``at + 1`` on, and the first one with its point; return the position after it."""
    _store_byte(at, first + _U48)
    stop = at + 1
    if shown > 1:
        _store_byte(at + 1, np.uint64(46))  # .
        stop = at + 1 + shown
    _store_byte(stop, np.uint64(101))  # e
    _store_byte(stop + 1, np.uint64(45 if exponent < 0 else 43))  # - or +
    size = abs(exponent)
    stop += 2
    if size >= 100:
        _store_byte(stop, np.uint64(48 + size // 100))
        stop += 1
    _store_byte(stop, np.uint64(48 + size // 10 % 10))
    _store_byte(stop + 1, np.uint64(48 + size % 10))
    return stop + 2


@inner_kernel
def _put_spread(at: int, first: np.uint64, middle: np.uint64, last: np.uint64) -> None:
    """Write seventeen digits."""
    _store_byte(at, first + _U48)
    _store_word(at + 1, middle + _ZEROS)
    _store_word(at + 9, last + _ZEROS)


@inner_kernel
def _put_decimal(at: int, digits: np.uint64, power: int) -> int:
    """Write a decimal without its trailing zeros; return the position after it."""
    count = count_digits(digits)
    first, middle, last, shown = spread_digits(digits, count)
    exponent = count + power - 1  # of the first digit
    if exponent == 0 and shown > 1:
        _store_word(at, first + _U48 | np.uint64(46) << _U8)
        _store_word(at + 2, middle + _ZEROS)
        _store_word(at + 10, last + _ZEROS)
        return at + 1 + shown
    if digits != _U0 and (exponent < -6 or exponent > 20):
        _put_spread(at + 1, first, middle, last)
        return _put_exponential(at, first, shown, exponent)
    if exponent < 0:
        _store_word(at, _ZERO_POINT)
        _put_spread(at + 1 - exponent, first, middle, last)
        return at + 1 - exponent + shown
    _put_spread(at, first, middle, last)
    point = at + exponent + 1
    if shown <= exponent + 1:
        if exponent >= DIGITS:
            _store_word(at + DIGITS, _ZEROS)
        return point
    # The digits behind the point move on by one: those that are in eight bytes from it, and what may follow.
    if exponent < 9:
        following = _load_word(point + 7)
        _store_word(point, _load_word(point) << _U8 | np.uint64(46))
        _store_word(point + 8, following)
    else:
        _store_word(point, _load_word(point) << _U8 | np.uint64(46))
    return at + 1 + shown


@inner_kernel
def _put_float(at: int, value: float, bits: np.uint64) -> int:
    """Write one float, of which `bits` is the pattern, and return the position after it; touches `MAX_FLOAT_BYTES` at most."""
    if value != value:
        return _put_word(at, 78, 97, 78)  # NaN
    if bits & _SIGN_BIT:
        _store_byte(at, np.uint64(45))
        at += 1
        value = -value
        bits ^= _SIGN_BIT
    elif value == np.inf:
        _store_byte(at, np.uint64(43))
        at += 1
    if value == np.inf:
        return _put_word(at, 73, 110, 102)  # Inf
    digits, power = decimal_of(value, bits)
    return _put_decimal(at, digits, power)


@inner_kernel
def _put_time(at: int, time_ms: int) -> int:
    """Write Unix milliseconds as seconds, with three decimals unless they are whole; touches `MAX_TIME_BYTES` and `_SLACK`."""
    size = np.uint64(time_ms)
    if time_ms < 0:
        _store_byte(at, np.uint64(45))
        at += 1
        size = _U0 - size
    seconds = size // np.uint64(1000)
    rest = np.int64(size - seconds * np.uint64(1000))
    count = count_digits(seconds)
    _put_spread(at, *spread_digits(seconds, count)[:3])
    at += count
    if rest == 0:
        return at
    _store_word(
        at, np.uint64(46 | (48 + rest // 100) << 8 | (48 + rest // 10 % 10) << 16 | (48 + rest % 10) << 24)
    )
    return at + 4


@inner_kernel
def _put_text(at: int, texts: NDArray[np.uint8], starts: NDArray[np.int64], text: int) -> int:
    """Copy a text by words; up to seven bytes behind it are read and written too."""
    source = int(np.int64(texts.ctypes.data) + starts[text])
    stop = at + starts[text + 1] - starts[text]
    while at < stop:
        _store_word(at, _load_word(source))
        at += 8
        source += 8
    return int(stop)


@inner_kernel
def _put_labels(
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
            _store_byte(at, np.uint64(44))
            at += 1
        first = False
        at = _put_text(at, texts, starts, code)
    return at


@inner_kernel
def _room_for_labels(starts: NDArray[np.int64], codes: NDArray[np.int32], row: int) -> int:
    room = 0
    for column in range(codes.shape[0]):
        code = codes[column, row]
        if code >= 0:
            room += starts[code + 1] - starts[code] + 1
    return room


@owning_kernel
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
        With `TEXT_SLACK` bytes behind the last text.
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
    begin = at = int(np.int64(out.ctypes.data))
    bits = values.view(np.uint64)
    steps = values.shape[1]
    widest = 0
    for text in range(3, 3 + steps):
        widest = max(widest, starts[text + 1] - starts[text])
    fixed = starts[3] - starts[0] + steps * (widest + MAX_FLOAT_BYTES + 3) + _SLACK
    for index in range(first, len(order)):
        row = order[index]
        if not _has_floats(kinds, row):
            continue
        if at - begin + fixed + _room_for_labels(starts, codes, row) > len(out):
            return at - begin, index
        at = _put_text(at, texts, starts, 0)
        at = _put_labels(at, texts, starts, codes, row)
        at = _put_text(at, texts, starts, 1)
        for step in range(steps):
            if kinds.shape[0] != 0 and kinds[row, step] != 1:
                continue
            at = _put_text(at, texts, starts, 3 + step)
            at = _put_float(at, values[row, step], bits[row, step])
            at = _put_word(at, 34, 93, 44)  # "],
        at = _put_text(at - 1, texts, starts, 2)
    return at - begin, len(order)


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
    begin = at = int(np.int64(out.ctypes.data))
    bits = values.view(np.uint64)
    for row in range(first, len(offsets) - 1):
        count = offsets[row + 1] - offsets[row]
        if count == 0:
            continue
        room = starts[3] - starts[0] + count * (MAX_TIME_BYTES + MAX_FLOAT_BYTES + 6) + _SLACK
        if at - begin + room + _room_for_labels(starts, codes, row) > len(out):
            return at - begin, row
        at = _put_text(at, texts, starts, 0)
        at = _put_labels(at, texts, starts, codes, row)
        at = _put_text(at, texts, starts, 1)
        for point in range(offsets[row], offsets[row + 1]):
            _store_byte(at, np.uint64(91))  # [
            at = _put_time(at + 1, timestamps[point])
            _store_word(at, np.uint64(44 | 34 << 8))  # ,"
            at = _put_float(at + 2, values[point], bits[point])
            at = _put_word(at, 34, 93, 44)
        at = _put_text(at - 1, texts, starts, 2)
    return at - begin, len(offsets) - 1


@kernel
def write_floats(values: NDArray[np.float64], out: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
    """Write floats one after another; value *i* ends at ``ends[i]``. `out` has `MAX_FLOAT_BYTES` for each."""
    begin = at = int(np.int64(out.ctypes.data))
    bits = values.view(np.uint64)
    for i in range(len(values)):
        at = _put_float(at, values[i], bits[i])
        ends[i] = at - begin


@kernel
def write_times(
    times_ms: NDArray[np.int64], before: int, after: int, out: NDArray[np.uint8], ends: NDArray[np.int64]
) -> None:
    """
    Write times one after another, each between the characters `before`, and `after` and a quote; time *i* ends at ``ends[i]``.

    `out` has ``MAX_TIME_BYTES + 3`` for each.
    """
    begin = at = int(np.int64(out.ctypes.data))
    for i in range(len(times_ms)):
        _store_byte(at, np.uint64(before))
        at = _put_time(at + 1, times_ms[i])
        _store_byte(at, np.uint64(after))
        _store_byte(at + 1, np.uint64(34))
        at += 2
        ends[i] = at - begin


def warm() -> None:
    """Compile what answers call, with the types that they call it with."""
    texts = np.frombuffer(b"{}],[" + bytes(TEXT_SLACK), dtype=np.uint8)
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
