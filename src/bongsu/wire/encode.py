"""The few protobuf fields that answers are written with."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VARINT, _FIXED64, _BYTES = 0, 1, 2
"""Wire types (protobuf documentation, "Encoding")."""

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))
"""Tags and most lengths."""


def encode_varint(value: int) -> bytes:
    """Return a number seven bits at a time, lowest first; a negative one as its two's complement of 64 bits."""
    if 0 <= value <= 0x7F:
        return _ONE_BYTE[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def field(number: int, content: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return _tag(number, _BYTES) + encode_varint(len(content)) + content


def text(number: int, value: str) -> bytes:
    """Return a field that holds a text; nothing for an empty one, which is what absence means."""
    return field(number, value.encode()) if value else b""


def number(number: int, value: int) -> bytes:
    """Return a field that holds an integer; nothing for 0."""
    return _tag(number, _VARINT) + encode_varint(value) if value else b""


def signed_number(number: int, value: int) -> bytes:
    """Return a field of one of the ``sint`` types; nothing for 0."""
    return _tag(number, _VARINT) + encode_varint(_zigzag(value)) if value else b""


def double(number: int, value: float) -> bytes:
    """Return a field that holds a double, 0 too: where one of several fields is chosen, its presence tells which."""
    return _tag(number, _FIXED64) + struct.pack("<d", value)


def packed_signed(number: int, values: Iterable[int]) -> bytes:
    """Return a repeated field of a ``sint`` type; nothing for no values."""
    content = b"".join(encode_varint(_zigzag(value)) for value in values)
    return field(number, content) if content else b""


def packed_doubles(number: int, values: Iterable[float]) -> bytes:
    """Return a repeated double; nothing for no values."""
    content = b"".join(struct.pack("<d", value) for value in values)
    return field(number, content) if content else b""


def _tag(number: int, kind: int) -> bytes:
    return encode_varint(number << 3 | kind)


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63
