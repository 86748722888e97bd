"""A decoder of the chunks of native histograms, bit by bit, from the description of the formats."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field

from tests.naive.xor_stream import Bits

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint

_HINTS = {0x00: ResetHint.UNKNOWN, 0x40: ResetHint.NO_RESET, 0x80: ResetHint.RESET, 0xC0: ResetHint.GAUGE}
_STALE = 0x7FF0000000000002

Spans = tuple[tuple[int, int], ...]


def _double(word: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", word))[0])


def _form(bits: Bits) -> int:
    """Return the number of bits that follow the prefix."""
    ones = 0
    while ones < 8 and bits.take(1):
        ones += 1
    return (0, 3, 6, 9, 12, 18, 25, 56, 64)[ones]


def varbit_uint(bits: Bits) -> int:
    """Return a number of few bits."""
    return bits.take(_form(bits))


def varbit_int(bits: Bits) -> int:
    """Return a signed number of few bits; the short forms cover -(2^(w-1) - 1) to 2^(w-1), the long one is two's complement."""
    width = _form(bits)
    value = bits.take(width)
    limit = 1 << (width - 1) if width else 0
    return value - (1 << width) if value > limit or (width == 64 and value == limit) else value


@dataclass
class Xor:
    """A stream of values, each XOR with the one before it."""

    word: int
    leading: int = 0
    trailing: int = 0

    def next(self, bits: Bits) -> int:
        """Return the bits of the next value."""
        if bits.take(1):
            if bits.take(1):
                self.leading = bits.take(5)
                self.trailing = 64 - self.leading - (bits.take(6) or 64)
            self.word ^= bits.take(64 - self.leading - self.trailing) << self.trailing
        return self.word


@dataclass
class Steps:
    """A stream of whole numbers, each given by how much its step differs from the step before it."""

    value: int
    step: int = field(default=0)

    def next(self, bits: Bits) -> int:
        """Return the next number."""
        self.step += varbit_int(bits)
        self.value += self.step
        return self.value


@dataclass(frozen=True)
class Layout:
    """What the histograms of a chunk have in common."""

    zero_threshold: float
    schema: int
    positive: Spans
    negative: Spans
    bounds: tuple[float, ...]

    @property
    def n_buckets(self) -> tuple[int, int]:
        """Buckets of both sides."""
        return sum(length for _, length in self.positive), sum(length for _, length in self.negative)


def _layout(bits: Bits) -> Layout:
    code = bits.take(8)
    threshold = _double(bits.take(64)) if code == 255 else 0.5 * 2.0 ** (code - 243) if code else 0.0
    schema = varbit_int(bits)
    positive, negative = _spans(bits), _spans(bits)
    bounds: tuple[float, ...] = ()
    if schema == CUSTOM_BUCKETS_SCHEMA:
        bounds = tuple(_bound(bits) for _ in range(varbit_uint(bits)))
    return Layout(threshold, schema, positive, negative, bounds)


def _spans(bits: Bits) -> Spans:
    spans = []
    for _ in range(varbit_uint(bits)):
        length = varbit_uint(bits)
        spans.append((varbit_int(bits), length))
    return tuple(spans)


def _bound(bits: Bits) -> float:
    thousandths = varbit_uint(bits)
    return (thousandths - 1) / 1000 if thousandths else _double(bits.take(64))


def read_histogram_chunk(data: bytes, *, is_float: bool) -> list[tuple[int, Histogram]]:
    """Return the histograms with their times; those behind the first of a counter are said to have no reset."""
    (count,) = struct.unpack(">H", data[:2])
    hint = _HINTS[data[2]]
    bits = Bits(data[3:])
    layout = _layout(bits)
    samples = _floats(bits, layout, count) if is_float else _counts(bits, layout, count)
    found = []
    for time, (total, zeros, sum_word, *buckets) in samples:
        n_positive = layout.n_buckets[0]
        histogram = Histogram(
            layout.schema,
            layout.zero_threshold,
            zeros,
            total,
            _double(int(sum_word)),
            layout.positive,
            tuple(buckets[:n_positive]),
            layout.negative,
            tuple(buckets[n_positive:]),
            layout.bounds,
            hint,
            is_float,
        )
        found.append((time, histogram))
        hint = hint if hint is ResetHint.GAUGE else ResetHint.NO_RESET
    assert set(bits.rest()) <= {"0"}, "the chunk is longer than its samples"
    return found


def _floats(bits: Bits, layout: Layout, count: int) -> list[tuple[int, list[float]]]:
    """Return times and count, zero count, bits of the sum, buckets."""
    time = Steps(varbit_int(bits))
    columns = [Xor(bits.take(64)) for _ in range(3)]
    if columns[2].word != _STALE:
        columns += [Xor(bits.take(64)) for _ in range(sum(layout.n_buckets))]
    samples = [(time.value, [column.word for column in columns])]
    samples += [(time.next(bits), [column.next(bits) for column in columns]) for _ in range(count - 1)]
    return [
        (at, [_double(words[0]), _double(words[1]), words[2], *map(_double, words[3:])])
        for at, words in samples
    ]


def _counts(bits: Bits, layout: Layout, count: int) -> list[tuple[int, list[float]]]:
    time = Steps(varbit_int(bits))
    total, zeros, sums = Steps(varbit_uint(bits)), Steps(varbit_uint(bits)), Xor(bits.take(64))
    buckets = [Steps(varbit_int(bits)) for _ in range(sum(layout.n_buckets))] if sums.word != _STALE else []
    samples = [(time.value, [total.value, zeros.value, sums.word], [bucket.value for bucket in buckets])]
    for _ in range(count - 1):
        at = time.next(bits)
        head = [total.next(bits), zeros.next(bits), sums.next(bits)]
        samples.append((at, head, [bucket.next(bits) for bucket in buckets]))
    split = layout.n_buckets[0]
    return [
        (
            at,
            [
                float(head[0]),
                float(head[1]),
                head[2],
                *map(float, itertools.accumulate(deltas[:split])),
                *map(float, itertools.accumulate(deltas[split:])),
            ],
        )
        for at, head, deltas in samples
    ]
