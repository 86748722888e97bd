"""The hash of a label set that decides which series ``limit_ratio`` keeps: the same as in Prometheus, so the choice is too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

_LONG_TEXT = 255
"""Lengths from here on take three bytes after a byte of this value."""


def label_hash(labels: Mapping[str, str]) -> int:
    """Return the 64-bit hash of a label set: xxHash64 over each name and value, in order, each after its length."""
    parts: list[bytes] = []
    for name, value in sorted(labels.items()):
        for text in (name.encode(), value.encode()):
            parts += (_length(len(text)), text)
    return xxhash64(b"".join(parts))


def _length(size: int) -> bytes:
    return bytes([size]) if size < _LONG_TEXT else bytes([_LONG_TEXT]) + size.to_bytes(3, "little")


def xxhash64(data: bytes) -> int:
    """
    Return xxHash64 with seed 0.

    Notes
    -----
    Source: Y. Collet, "xxHash fast digest algorithm", specification, version 0.1.1, section "XXH64 algorithm description".
    """
    place, end = 0, len(data)
    if end >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while place <= end - 32:
            for i in range(4):
                lanes[i] = _round(lanes[i], int.from_bytes(data[place + 8 * i : place + 8 * i + 8], "little"))
            place += 32
        h = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        h = _P5
    h = (h + end) & _MASK
    return _avalanche(_tail(h, data[place:]))


def _tail(h: int, rest: bytes) -> int:
    place = 0
    while place <= len(rest) - 8:
        h ^= _round(0, int.from_bytes(rest[place : place + 8], "little"))
        h = (_rotate(h, 27) * _P1 + _P4) & _MASK
        place += 8
    if place <= len(rest) - 4:
        h ^= (int.from_bytes(rest[place : place + 4], "little") * _P1) & _MASK
        h = (_rotate(h, 23) * _P2 + _P3) & _MASK
        place += 4
    for byte in rest[place:]:
        h ^= (byte * _P5) & _MASK
        h = (_rotate(h, 11) * _P1) & _MASK
    return h


def _avalanche(h: int) -> int:
    h = ((h ^ (h >> 33)) * _P2) & _MASK
    h = ((h ^ (h >> 29)) * _P3) & _MASK
    return h ^ (h >> 32)


def _round(lane: int, word: int) -> int:
    return (_rotate((lane + word * _P2) & _MASK, 31) * _P1) & _MASK


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK
