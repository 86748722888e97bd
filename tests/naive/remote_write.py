"""Twins of `bongsu.kernels.remote_write` that slice bytes and use dictionaries."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field


class Broken(Exception):
    """The message is malformed."""


def varint(data: bytes) -> tuple[int, bytes]:
    """Return a number and the rest."""
    value = 0
    for i, byte in enumerate(data[:10]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            value &= 2**64 - 1
            return value - 2**64 if value >= 2**63 else value, data[i + 1 :]
    raise Broken


def fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """Return number, wire type and payload of every field."""
    found: list[tuple[int, int, int | bytes]] = []
    while data:
        tag, data = varint(data)
        if not 8 <= tag < 2**32:
            raise Broken
        wire = tag & 7
        if wire == 0:
            value, data = varint(data)
            found.append((tag >> 3, wire, value))
            continue
        if wire == 2:
            size, data = varint(data)
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise Broken
        if not 0 <= size <= len(data):
            raise Broken
        found.append((tag >> 3, wire, data[:size]))
        data = data[size:]
    return found


@dataclass
class Walk:
    """What a request holds: samples as (series, timestamp, start, bits), parts as (kind, series, bytes)."""

    series: list[bytes] = field(default_factory=list)
    samples: list[tuple[int, int, int, int]] = field(default_factory=list)
    parts: list[tuple[int, int, bytes]] = field(default_factory=list)
    symbols: list[bytes] = field(default_factory=list)


def content(value: int | bytes, wire: int) -> bytes:
    """Return the payload of a field that must be text or a message."""
    if wire != 2 or not isinstance(value, bytes):
        raise Broken
    return value


def read_request(data: bytes, version: int) -> Walk:
    """Return what a request holds, or raise Broken."""
    walk = Walk()
    for number, wire, value in fields(data):
        if number == (1 if version == 1 else 5):
            read_series(content(value, wire), version, walk)
        elif number == 3 and version == 1:
            walk.parts.append((3, -1, content(value, wire)))
        elif number == 4 and version == 2:
            walk.symbols.append(content(value, wire))
    return walk


def read_series(data: bytes, version: int, walk: Walk) -> None:
    row = len(walk.series)
    kinds = {3: 1, 4: 2} if version == 1 else {3: 2, 4: 1}
    for number, wire, value in fields(data):
        if number == 1 and version == 2 and wire == 0:
            continue
        if number <= 4 or (number == 5 and version == 2):
            inner = content(value, wire)
            if number == 2:
                walk.samples.append((row, *read_sample(inner)))
            elif number in kinds:
                walk.parts.append((kinds[number], row, inner))
    walk.series.append(data)


def read_sample(data: bytes) -> tuple[int, int, int]:
    numbers = {1: 0, 2: 0, 3: 0}
    for number, wire, value in fields(data):
        if number in numbers:
            if wire != (1 if number == 1 else 0):
                raise Broken
            numbers[number] = value if isinstance(value, int) else struct.unpack("<q", value)[0]
    return numbers[2], numbers[3], numbers[1]
