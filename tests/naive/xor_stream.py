"""A decoder of XOR chunks, and the checksum of frames, bit by bit, from the description of the formats."""

from __future__ import annotations

import struct


class Bits:
    """A text of ones and zeros that is read from the left."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        piece = self._text[self._at : self._at + count]
        assert count == len(piece), "the chunk ends early"
        self._at += count
        return int(piece, 2) if piece else 0

    def rest(self) -> str:
        """Return what is left."""
        return self._text[self._at :]

    def uvarint(self) -> int:
        """Return a number of seven-bit groups, lowest first."""
        value = shift = 0
        while True:
            byte = self.take(8)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def varint(self) -> int:
        """Return a signed number that alternates: 0, -1, 1, -2."""
        value = self.uvarint()
        return value >> 1 if value % 2 == 0 else -(value >> 1) - 1


def _time_change(bits: Bits) -> int:
    ones = 0
    while ones < 4 and bits.take(1):
        ones += 1
    width = (0, 14, 17, 20, 64)[ones]
    value = bits.take(width)
    limit = 1 << (width - 1) if width else 0
    # The short forms cover -(2^(w-1) - 1) to 2^(w-1), the long one is two's complement.
    return value - (1 << width) if value > limit or (width == 64 and value == limit) else value


def read_xor_chunk(data: bytes) -> list[tuple[int, bytes]]:
    """Return pairs of time and the value's eight bytes, little-endian."""
    (count,) = struct.unpack(">H", data[:2])
    bits = Bits(data[2:])
    samples: list[tuple[int, int]] = []
    step = leading = trailing = 0
    for i in range(count):
        if i == 0:
            time = bits.varint()
            samples.append((time, bits.take(64)))
            continue
        step = bits.uvarint() if i == 1 else step + _time_change(bits)
        time, word = samples[-1][0] + step, samples[-1][1]
        if bits.take(1):
            if bits.take(1):
                leading = bits.take(5)
                trailing = 64 - leading - (bits.take(6) or 64)
            word ^= bits.take(64 - leading - trailing) << trailing
        samples.append((time, word))
    return [(time, struct.pack("<Q", word)) for time, word in samples]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF
