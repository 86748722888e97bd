"""
Reading of an exposition body whose layout is known: everything but values is compared, values are parsed in bulk.

A layout is the body without its values: ``n_samples + 1`` segments, each reaching from the end of the line of the sample before
(comment lines included) to the value that follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEWLINE, _TAB, _SPACE, _PLUS, _MINUS, _DOT, _ZERO, _NINE = 10, 9, 32, 43, 45, 46, 48, 57
_UPPER_E, _LOWER_E = 69, 101

_EXACT_MANTISSA = 1 << 53
"""Integers up to here are exact in a double."""

_EXACT_POWER = 22
"""Powers of ten up to here are exact in a double, so one multiplication or division rounds once: the result is right."""

_POWERS = np.array([10.0**i for i in range(_EXACT_POWER + 1)])

_MAX_DIGITS = 18
"""Digits that always fit into int64."""


@kernel
def parse_decimal(text: NDArray[np.uint8], start: int, stop: int) -> tuple[float, bool]:
    """
    Parse ``text[start:stop]`` as a decimal number.

    Returns
    -------
    value : float
        Correctly rounded.
    sure : bool
        False where this fast way cannot tell (over 15 or so digits, large exponents, NaN, Inf, rubbish): ask a full parser.
    """
    at = start
    negative = False
    if at < stop and (text[at] == _MINUS or text[at] == _PLUS):
        negative = text[at] == _MINUS
        at += 1
    mantissa = np.int64(0)
    digits = 0
    fraction = 0
    seen_dot = False
    while at < stop:
        byte = text[at]
        if _ZERO <= byte <= _NINE:
            mantissa = mantissa * 10 + np.int64(byte - _ZERO)
            digits += 1
            fraction += seen_dot
            if digits > _MAX_DIGITS:
                return 0.0, False
        elif byte == _DOT and not seen_dot:
            seen_dot = True
        else:
            break
        at += 1
    if digits == 0:
        return 0.0, False
    power = np.int64(0)
    if at < stop:
        if text[at] != _UPPER_E and text[at] != _LOWER_E:
            return 0.0, False
        at += 1
        negative_power = False
        if at < stop and (text[at] == _MINUS or text[at] == _PLUS):
            negative_power = text[at] == _MINUS
            at += 1
        # Three digits are already beyond what is exact here, and so is an exponent without digits.
        if at >= stop or stop - at > 3:
            return 0.0, False
        while at < stop:
            byte = text[at]
            if byte < _ZERO or byte > _NINE:
                return 0.0, False
            power = power * 10 + np.int64(byte - _ZERO)
            at += 1
        if negative_power:
            power = -power
    power -= fraction
    if mantissa > _EXACT_MANTISSA or power > _EXACT_POWER or power < -_EXACT_POWER:
        return 0.0, False
    value = mantissa * _POWERS[power] if power >= 0 else mantissa / _POWERS[-power]
    return (-value if negative else value), True


@kernel
def match_layout(
    body: NDArray[np.uint8],
    template: NDArray[np.uint8],
    ends: NDArray[np.int64],
    values: NDArray[np.float64],
    spans: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> int:
    """
    Compare a body with the layout, and parse its values.

    Parameters
    ----------
    body : ndarray of uint8
    template : ndarray of uint8
        The segments of the layout, one after another.
    ends : ndarray of int64, shape (n_samples + 1,)
        Segment *i* is ``template[ends[i - 1]:ends[i]]``, the first one starts at 0.
    values : ndarray of float64, shape (n_samples,)
        Output; valid where `sure`.
    spans : ndarray of int64, shape (n_samples, 3)
        Output: where the value starts and ends in `body`, and where its line ends. What lies between the last two is the
        caller's to parse (timestamp, exemplar).
    sure : ndarray of bool, shape (n_samples,)
        Output: whether the value was parsed; the others are the caller's to parse.

    Returns
    -------
    int
        Rows of which anything is the caller's to parse; -1 at the first difference, the outputs are then without meaning.
    """
    size = len(body)
    at = 0
    begin = 0
    left = 0
    n_samples = len(values)
    for i in range(n_samples + 1):
        length = ends[i] - begin
        if at + length > size:
            return -1
        for j in range(length):
            if body[at + j] != template[begin + j]:
                return -1
        at += length
        begin = ends[i]
        if i == n_samples:
            break
        start = at
        while at < size and body[at] != _NEWLINE and body[at] != _SPACE and body[at] != _TAB:
            at += 1
        stop = at
        while at < size and body[at] != _NEWLINE:
            at += 1
        values[i], sure[i] = parse_decimal(body, start, stop)
        spans[i, 0] = start
        spans[i, 1] = stop
        spans[i, 2] = at
        left += at != stop or not sure[i]
    return left if at == size else -1


def warm() -> None:
    """Compile the kernels for the types that they are called with: read-only bytes."""
    data = np.frombuffer(b"0\n", dtype=np.uint8)
    ends = np.array([0, 1], dtype=np.int64)
    match_layout(data, data, ends, np.zeros(1), np.zeros((1, 3), dtype=np.int64), np.zeros(1, dtype=np.bool_))
