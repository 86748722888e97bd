"""Counting of messages by recursion, to compare the kernel with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Children = "Mapping[tuple[int, int], int]"


class Broken(Exception):
    """The bytes are no message."""


def count(data: bytes, children: Mapping[tuple[int, int], int], kind: int = 0) -> Counter[int]:
    found: Counter[int] = Counter()
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0 or wire not in (0, 1, 2, 5):
            raise Broken
        if wire == 0:
            _, at = varint(data, at)
            continue
        size = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            size, at = varint(data, at)
        if size > len(data) - at:
            raise Broken
        child = children.get((kind, number)) if wire == 2 else None
        if child is not None:
            found[child] += 1
            found += count(data[at : at + size], children, child)
        at += size
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Broken
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
    raise Broken
