"""Chunks decoded slowly and plainly, from the description of the format alone."""

from __future__ import annotations

import struct
from fractions import Fraction

MASK = 2**64 - 1


def signed(word: int) -> int:
    """Read 64 bits as a two's complement number."""
    word &= MASK
    return word - 2**64 if word >= 2**63 else word


class Words:
    """A cursor over little-endian 64-bit words."""

    def __init__(self, data: bytes) -> None:
        self.words = [word for (word,) in struct.iter_unpack("<Q", data)]
        self.at = 0

    def take(self, count: int = 1) -> list[int]:
        """Return the next words."""
        taken = self.words[self.at : self.at + count]
        self.at += count
        return taken

    def positions(self, count: int) -> list[int]:
        """Return 16-bit numbers, four to a word."""
        words = self.take((count + 3) // 4)
        return [words[k // 4] >> 16 * (k % 4) & 0xFFFF for k in range(count)]

    def stream(self, count: int) -> tuple[list[int], int]:
        """Return the numbers of a packed or entropy-coded stream and the free half of its head."""
        head, base = self.take(2)
        if head & 0x80:
            payload = self.take(head >> 8 & 0xFFFFFF)
            numbers = entropy_coded(Bits(payload), head & 0x7F, count)
            return [signed(number + base) for number in numbers], head >> 32
        width, exceptions = head & 0xFF, head >> 8 & 0xFFFF
        joined = sum(word << 64 * k for k, word in enumerate(self.take((count * width + 63) // 64)))
        numbers = [signed((joined >> i * width & (1 << width) - 1) + base) for i in range(count)]
        values = self.take(exceptions)
        for position, value in zip(self.positions(exceptions), values, strict=True):
            numbers[position] = signed(value)
        return numbers, head >> 32


class Bits:
    """A cursor over the bits of words, low bits first."""

    def __init__(self, words: list[int]) -> None:
        self.joined = sum(word << 64 * k for k, word in enumerate(words))
        self.at = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        taken = self.joined >> self.at & (1 << count) - 1
        self.at += count
        return taken

    def gamma(self) -> int:
        """Return an Elias gamma code's number."""
        behind = 0
        while not self.take(1):
            behind += 1
        return 1 << behind | self.take(behind)


def entropy_coded(bits: Bits, table_bits: int, count: int) -> list[int]:
    """Return the numbers, less the centre."""
    size = 1 << table_bits
    shares = _shares(bits, size)
    states = _states(shares, size)
    lanes = [(bits.take(21), bits.take(table_bits)) for _ in range(4)]
    quarter = (count + 3) // 4
    numbers = []
    for lane, (length, state) in enumerate(lanes):
        end = bits.at + length
        of_lane = range(count)[lane * quarter : (lane + 1) * quarter]
        for i in of_lane:
            symbol, wide, following = states[state]
            plain = 0 if symbol < 8 else (symbol - 8) // 2 + 2
            folded = symbol if symbol < 8 else (2 + symbol % 2) << plain | bits.take(plain)
            numbers.append(-(folded + 1) // 2 if folded % 2 else folded // 2)
            if i != of_lane[-1]:
                state = following + bits.take(wide)
        assert end == bits.at
    return numbers


def _shares(bits: Bits, size: int) -> dict[int, int]:
    shares: dict[int, int] = {}
    symbol = -1
    for left in range(bits.take(8), -1, -1):
        symbol += bits.gamma()
        shares[symbol] = bits.gamma() if left else size - sum(shares.values())
    return shares


def _states(shares: dict[int, int], size: int) -> list[tuple[int, int, int]]:
    """Return of each state its symbol, the bits to the next state, and what they are added to."""
    symbols = [0] * size
    place = 0
    for symbol, share in shares.items():
        for _ in range(share):
            symbols[place] = symbol
            place = (place + (size >> 1) + (size >> 3) + 3) % size
    ranks = dict(shares)
    states = []
    for symbol in symbols:
        rank = ranks[symbol]
        ranks[symbol] += 1
        wide = 0
        while rank << wide < size:
            wide += 1
        states.append((symbol, wide, (rank << wide) - size))
    return states


def sums(numbers: list[int]) -> list[int]:
    """Return the running sums, modulo 2**64."""
    result, total = [], 0
    for number in numbers:
        total = signed(total + number)
        result.append(total)
    return result


def decode_chunk(
    data: bytes, codec: int, *, with_starts: bool, count: int, first: int, last: int
) -> tuple[list[int], list[int], list[int]]:
    """Return times, start timestamps (empty when there are none) and the bits of the values."""
    words = Words(data)
    times = _times(words, codec >> 4, count, first, last)
    starts: list[int] = []
    if with_starts:
        starts = [signed(w) for w in words.take(count)] if codec == 0 else sums(words.stream(count)[0])
    return times, starts, _values(words, codec & 15, count)


def _times(words: Words, codec: int, count: int, first: int, last: int) -> list[int]:
    step = (last - first) // max(count - 1, 1)
    if codec == 0:
        return [signed(word) for word in words.take(count)]
    if codec == 1:
        return [first + i * step for i in range(count)]
    if codec == 2:
        step = ((last - first) << 20) // (count - 1)
        return [first + (i * step >> 20) + jitter for i, jitter in enumerate(words.stream(count)[0])]
    return sums([first, *words.stream(count - 1)[0]])


def _values(words: Words, codec: int, count: int) -> list[int]:
    if codec == 0:
        return words.take(count)
    if codec == 1:
        return words.take() * count
    if codec == 5:
        bits = words.take()
        combined, shift = words.stream(count - 1)
        for number in combined:
            bits.append(bits[-1] ^ (number << shift & MASK))
        return bits
    order = codec - 2
    begin = [signed(word) for word in words.take(order)]
    numbers, extra = words.stream(count - order)
    numbers = begin + numbers
    for k in range(order, 0, -1):
        numbers[k - 1 :] = sums(numbers[k - 1 :])
    exponent, shift, aside = extra & 31, extra >> 5 & 63, extra >> 11 & 0xFFFF
    # The nearest double of an exact fraction is what division in floating point gives.
    bits = [_bits(float(Fraction(number << shift, 10**exponent))) for number in numbers]
    values = words.take(aside)
    for position, value in zip(words.positions(aside), values, strict=True):
        bits[position] = value
    return bits


def _bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])
