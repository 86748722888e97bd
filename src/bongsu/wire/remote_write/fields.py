"""Protobuf messages as their fields, for the rare parts of a request: one Python step per field."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bongsu.wire.remote_write.errors import BadRemoteWrite

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_DOUBLE = struct.Struct("<d")

Field = tuple[int, int, int, int]
"""Number, wire type, payload begin (or the varint's unsigned value), end."""


def read_fields(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message at ``data[begin:end]``; raise BadRemoteWrite where one is broken."""
    at = begin
    while at < end:
        tag, position = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, position, end)
            yield number, wire, value, at
            continue
        if wire == _BYTES:
            size, position = _varint(data, position, end)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise _broken(at)
        if number == 0 or size > end - position:
            raise _broken(at)
        at = position + size
        yield number, wire, position, at


def read_varints(data: bytes, field: Field) -> Iterator[int]:
    """Yield the unsigned numbers of a repeated varint field, packed or not."""
    _, wire, begin, end = field
    if wire == _VARINT:
        yield begin
        return
    require_bytes(field)
    while begin < end:
        value, begin = _varint(data, begin, end)
        yield value


def read_doubles(data: bytes, field: Field) -> Iterator[float]:
    """Yield the numbers of a repeated double field, packed or not."""
    _, wire, begin, end = field
    if wire not in {_FIXED64, _BYTES} or (end - begin) % 8:
        raise _broken(begin)
    for (value,) in _DOUBLE.iter_unpack(data[begin:end]):
        yield value


def read_double(data: bytes, field: Field) -> float:
    """Return the number of a double field."""
    _, wire, begin, _ = field
    if wire != _FIXED64:
        raise _broken(begin)
    value: float = _DOUBLE.unpack_from(data, begin)[0]
    return value


def require_bytes(field: Field) -> tuple[int, int]:
    """Return begin and end of a field that must be text or a message."""
    _, wire, begin, end = field
    if wire != _BYTES:
        raise _broken(begin)
    return begin, end


def require_number(field: Field) -> int:
    """Return the unsigned value of a field that must be a varint."""
    _, wire, value, end = field
    if wire != _VARINT:
        raise _broken(end)
    return value


def signed(value: int) -> int:
    """Return a varint as the int64 that it stands for."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """Return a varint as the sint that it stands for."""
    return (value >> 1) ^ -(value & 1)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(data[at : min(end, at + _MAX_VARINT_BYTES)]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + i + 1
    raise _broken(at)


def _broken(at: int) -> BadRemoteWrite:
    return BadRemoteWrite(f"malformed protobuf at byte {at} of the decompressed request")
