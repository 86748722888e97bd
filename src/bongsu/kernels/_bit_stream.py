"""
Writing numbers bit by bit, highest bit first, as the chunks that Prometheus sends hold them.

Source: Prometheus' documentation ``tsdb/docs/format/chunks.md``. Functions take the bit position and return the one behind what they wrote;
what they write into is zeroed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, owning_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE, _SIX_BITS, _BYTE = np.uint64(1), np.uint64(63), np.uint64(0xFF)

_MAX_LEADING = 31
"""Leading zero bits are told in five bits."""

_NEVER = 255
"""Leading zero bits before the first value that differs: fewer bits than that can never fit into the window before."""

_VARBIT_WIDTHS = np.array([3, 6, 9, 12, 18, 25, 56], dtype=np.int64)
"""Bits of the short forms of a number of few bits: their prefixes are as many ones as their place says, one more, and a zero."""

MAX_VARBIT_BYTES = 9
"""A number of few bits takes at most 8 + 64 of them."""


@inner_kernel
def put_bits(out: NDArray[np.uint8], at: int, value: np.uint64, count: int) -> int:
    """Write the lowest `count` bits, highest first."""
    left = count
    while left > 0:
        free = 8 - (at & 7)
        take = min(free, left)
        piece = (value >> np.uint64(left - take)) & ((_ONE << np.uint64(take)) - _ONE)
        out[at >> 3] |= np.uint8((piece << np.uint64(free - take)) & _BYTE)
        at += take
        left -= take
    return at


@inner_kernel
def put_varint(out: NDArray[np.uint8], at: int, value: np.uint64) -> int:
    """Write a number seven bits at a time, lowest first."""
    more = np.uint64(0x80)
    while value >= more:
        at = put_bits(out, at, (value & np.uint64(0x7F)) | more, 8)
        value >>= np.uint64(7)
    return put_bits(out, at, value, 8)


@inner_kernel
def _put_varbit(out: NDArray[np.uint8], at: int, value: np.uint64, form: int) -> int:
    """Write a number in one of the forms with a prefix; the last is behind those of `_VARBIT_WIDTHS`, and has no zero."""
    if form == len(_VARBIT_WIDTHS):
        at = put_bits(out, at, _BYTE, 8)
        return put_bits(out, at, value, 64)
    at = put_bits(out, at, (_ONE << np.uint64(form + 2)) - np.uint64(2), form + 2)
    return put_bits(out, at, value, _VARBIT_WIDTHS[form])


@inner_kernel
def put_varbit_int(out: NDArray[np.uint8], at: int, value: np.int64) -> int:
    """Write a signed number: zero as one bit, and the others in as many bits as their magnitude asks for."""
    if value == 0:
        return put_bits(out, at, np.uint64(0), 1)
    form = 0
    while form < len(_VARBIT_WIDTHS):
        half = np.int64(1) << (_VARBIT_WIDTHS[form] - 1)
        if -(half - 1) <= value <= half:
            break
        form += 1
    return _put_varbit(out, at, np.uint64(value), form)


@inner_kernel
def put_varbit_uint(out: NDArray[np.uint8], at: int, value: np.uint64) -> int:
    """Write an unsigned number in the same forms as a signed one."""
    if value == np.uint64(0):
        return put_bits(out, at, value, 1)
    form = 0
    while form < len(_VARBIT_WIDTHS) and value >> np.uint64(_VARBIT_WIDTHS[form]) != np.uint64(0):
        form += 1
    return _put_varbit(out, at, value, form)


@inner_kernel
def _leading_zeros(value: np.uint64) -> int:
    count = 0
    while count < 64 and (value >> np.uint64(63 - count)) & _ONE == np.uint64(0):
        count += 1
    return count


@inner_kernel
def _trailing_zeros(value: np.uint64) -> int:
    count = 0
    while count < 64 and (value >> np.uint64(count)) & _ONE == np.uint64(0):
        count += 1
    return count


@owning_kernel
def new_windows(count: int) -> NDArray[np.int64]:
    """Return the windows of so many streams of values: zero bits before and behind the ones last written; shape (count, 2)."""
    windows = np.zeros((count, 2), dtype=np.int64)
    windows[:, 0] = _NEVER
    return windows


@inner_kernel
def put_xor(
    out: NDArray[np.uint8], at: int, bits: np.uint64, before: np.uint64, window: NDArray[np.int64]
) -> int:
    """Write what differs between the bits of a value and those of the one before it; `window` is the stream's, and is kept."""
    changed = bits ^ before
    if changed == np.uint64(0):
        return put_bits(out, at, np.uint64(0), 1)
    at = put_bits(out, at, _ONE, 1)
    leading = min(_leading_zeros(changed), _MAX_LEADING)
    trailing = _trailing_zeros(changed)
    if window[0] != _NEVER and leading >= window[0] and trailing >= window[1]:
        at = put_bits(out, at, np.uint64(0), 1)
    else:
        window[0], window[1] = leading, trailing
        at = put_bits(out, at, _ONE, 1)
        at = put_bits(out, at, np.uint64(leading), 5)
        # 64 significant bits are written as 0: there are always some.
        at = put_bits(out, at, np.uint64(64 - leading - trailing) & _SIX_BITS, 6)
    return put_bits(out, at, changed >> np.uint64(window[1]), 64 - window[0] - window[1])
