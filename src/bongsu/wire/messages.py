"""Protobuf messages as their fields, where speed is not needed: one Python step per field."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeVar

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Value = TypeVar("Value")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_MAX_VALUES = 65_536
"""Fields of one message, and values of one repeated field: an empty one takes two bytes on the wire and a hundred in memory."""
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_DOUBLE = struct.Struct("<d")


class BadMessage(InvalidInput):
    """The bytes are not the protobuf message that they should be."""

    def __init__(self, message: str, *, id: str = "bad-protobuf") -> None:  # noqa: A002 - the catalogue's word
        super().__init__(message, id=id)


Field = tuple[int, int, int, int]
"""Number, wire type, payload begin (or the varint's unsigned value), end."""


def read_fields(data: bytes, begin: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message at ``data[begin:end]``; raise BadMessage where one is broken."""
    at = begin
    while at < end:
        tag, position = read_varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = read_varint(data, position, end)
            yield number, wire, value, at
            continue
        if wire == _BYTES:
            size, position = read_varint(data, position, end)
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
        value, begin = read_varint(data, begin, end)
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


def at_most(values: Iterable[Value], most: int = _MAX_VALUES) -> Iterator[Value]:
    """Yield the values; raise BadMessage when there are too many."""
    for count, value in enumerate(values):
        if count >= most:
            raise BadMessage(f"a message has more than {most} values in one field; send less at once")
        yield value


class Message:
    """
    One message, its fields by number: of a single field the last one counts, a repeated one has all of its values.

    Parameters
    ----------
    max_fields
        More of them are refused.
    """

    def __init__(self, data: bytes, begin: int, end: int, *, max_fields: int = _MAX_VALUES) -> None:
        self._data = data
        self._fields: dict[int, list[Field]] = {}
        for field in at_most(read_fields(data, begin, end), max_fields):
            self._fields.setdefault(field[0], []).append(field)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, number: int) -> int:
        """Return an unsigned number, 0 when absent."""
        return require_number(self._fields[number][-1]) if number in self._fields else 0

    def double(self, number: int) -> float:
        """Return a double, 0 when absent."""
        return read_double(self._data, self._fields[number][-1]) if number in self._fields else 0.0

    def doubles(self, number: int) -> tuple[float, ...]:
        """Return the values of a repeated double."""
        fields = self._fields.get(number, ())
        return tuple(at_most(value for field in fields for value in read_doubles(self._data, field)))

    def numbers(self, number: int) -> list[int]:
        """Return the unsigned values of a repeated number."""
        fields = self._fields.get(number, ())
        return list(at_most(value for field in fields for value in read_varints(self._data, field)))

    def zigzags(self, number: int) -> list[int]:
        """Return the values of a repeated sint."""
        fields = self._fields.get(number, ())
        return [
            zigzag(value) for value in at_most(v for field in fields for v in read_varints(self._data, field))
        ]

    def text(self, number: int) -> str:
        """Return a text, empty when absent; raise BadMessage when it is not UTF-8."""
        if number not in self._fields:
            return ""
        begin, end = require_bytes(self._fields[number][-1])
        return read_text(self._data, begin, end)

    def message(self, number: int) -> Message | None:
        """Return an inner message."""
        return self.messages(number)[-1] if number in self._fields else None

    def messages(self, number: int) -> list[Message]:
        """Return the inner messages of a repeated field."""
        return [Message(self._data, *require_bytes(field)) for field in self._fields.get(number, ())]

    def raw(self, number: int) -> bytes:
        """Return the bytes of all values of a field, one after another, each behind its length."""
        spans = [require_bytes(field) for field in self._fields.get(number, ())]
        return b"".join(b"%d:%b" % (end - begin, self._data[begin:end]) for begin, end in spans)


def read_text(data: bytes, begin: int, end: int) -> str:
    """Return UTF-8 text, or raise BadMessage."""
    try:
        return data[begin:end].decode()
    except UnicodeDecodeError as error:
        raise BadMessage(f"text at byte {begin} is not UTF-8: {error.reason}") from error


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return an unsigned number and where it ends."""
    value = 0
    for i, byte in enumerate(data[at : min(end, at + _MAX_VARINT_BYTES)]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + i + 1
    raise _broken(at)


def _broken(at: int) -> BadMessage:
    return BadMessage(f"malformed protobuf at byte {at} of the decompressed body")
