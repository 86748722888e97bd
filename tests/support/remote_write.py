"""Encoders of remote write requests, written against the protobuf definitions alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram

if TYPE_CHECKING:
    from bongsu.model.samples import Exemplar, MetricMetadata

V1_TYPE = "application/x-protobuf"
V2_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")


@dataclass(frozen=True)
class SentSeries:
    """One series to send: samples are (timestamp, value, start), histograms (timestamp, value, start)."""

    labels: tuple[tuple[str, str], ...]
    samples: tuple[tuple[int, float, int], ...] = ()
    histograms: tuple[tuple[int, Histogram, int], ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    metadata: MetricMetadata | None = None


def series(name: str, *samples: tuple[int, float], **labels: str) -> SentSeries:
    """Return a series with plain samples."""
    pairs = {"__name__": name, **labels}
    return SentSeries(tuple(sorted(pairs.items())), tuple((t, v, 0) for t, v in samples))


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value) if value else b""


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def double(tag: int, value: float) -> bytes:
    raw = struct.pack("<d", value)
    return varint(tag << 3 | 1) + raw if raw != bytes(8) else b""


def message(tag: int, content: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(content)) + content


def text(tag: int, content: str) -> bytes:
    return message(tag, content.encode()) if content else b""


def packed(tag: int, values: list[int]) -> bytes:
    return message(tag, b"".join(map(varint, values))) if values else b""


def packed_doubles(tag: int, values: tuple[float, ...]) -> bytes:
    return message(tag, struct.pack(f"<{len(values)}d", *values)) if values else b""


def encode_sample(timestamp: int, value: float, start: int = 0) -> bytes:
    return double(1, value) + number(2, timestamp) + number(3, start)


def encode_spans(tag: int, spans: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join(message(tag, number(1, zigzag(offset)) + number(2, length)) for offset, length in spans)


def deltas(counts: tuple[float, ...]) -> list[int]:
    return [zigzag(int(b - a)) for a, b in zip((0.0, *counts), counts, strict=False)]


def encode_histogram(timestamp: int, value: Histogram, start: int = 0) -> bytes:
    parts = [double(3, value.sum), number(4, zigzag(value.schema)), double(5, value.zero_threshold)]
    spans = [encode_spans(8, value.negative_spans), encode_spans(11, value.positive_spans)]
    if value.is_float:
        # A oneof is written even when it is 0.
        parts += [
            varint(2 << 3 | 1) + struct.pack("<d", value.count),
            varint(7 << 3 | 1) + struct.pack("<d", value.zero_count),
        ]
        parts += [packed_doubles(10, value.negative_buckets), packed_doubles(13, value.positive_buckets)]
    else:
        parts += [number(1, int(value.count)), number(6, int(value.zero_count))]
        parts += [packed(9, deltas(value.negative_buckets)), packed(12, deltas(value.positive_buckets))]
    parts += [number(14, value.reset_hint), number(15, timestamp)]
    if value.schema == CUSTOM_BUCKETS_SCHEMA:
        parts.append(packed_doubles(16, value.custom_values))
    return b"".join((*parts, *spans, number(17, start)))


def encode_v1(sent: list[SentSeries], metadata: tuple[MetricMetadata, ...] = ()) -> bytes:
    """Return a ``prometheus.WriteRequest``."""

    def label(pair: tuple[str, str]) -> bytes:
        return message(1, text(1, pair[0]) + text(2, pair[1]))

    out = []
    for one in sent:
        parts = [label(pair) for pair in one.labels]
        parts += [message(2, encode_sample(t, v)) for t, v, _ in one.samples]
        for exemplar in one.exemplars:
            inner = (
                b"".join(map(label, exemplar.labels))
                + double(2, exemplar.value)
                + number(3, exemplar.timestamp)
            )
            parts.append(message(3, inner))
        parts += [message(4, encode_histogram(t, h)) for t, h, _ in one.histograms]
        out.append(message(1, b"".join(parts)))
    out += [
        message(3, number(1, TYPES.index(m.type)) + text(2, m.name) + text(4, m.help) + text(5, m.unit))
        for m in metadata
    ]
    return b"".join(out)


@dataclass
class Symbols:
    """A symbol table under construction."""

    table: dict[str, int] = field(default_factory=lambda: {"": 0})

    def ref(self, content: str) -> int:
        return self.table.setdefault(content, len(self.table))

    def refs(self, labels: tuple[tuple[str, str], ...]) -> list[int]:
        return [self.ref(content) for pair in labels for content in pair]


def encode_v2(sent: list[SentSeries]) -> bytes:
    """Return an ``io.prometheus.write.v2.Request``."""
    symbols = Symbols()
    out = []
    for one in sent:
        parts = [packed(1, symbols.refs(one.labels))]
        parts += [message(2, encode_sample(*sample)) for sample in one.samples]
        parts += [message(3, encode_histogram(*histogram)) for histogram in one.histograms]
        for exemplar in one.exemplars:
            inner = (
                packed(1, symbols.refs(exemplar.labels))
                + double(2, exemplar.value)
                + number(3, exemplar.timestamp)
            )
            parts.append(message(4, inner))
        if one.metadata is not None:
            m = one.metadata
            parts.append(
                message(
                    5,
                    number(1, TYPES.index(m.type))
                    + number(3, symbols.ref(m.help))
                    + number(4, symbols.ref(m.unit)),
                )
            )
        out.append(message(5, b"".join(parts)))
    # The table comes last on purpose: a reader must not count on its place.
    return b"".join((*out, *(message(4, symbol.encode()) for symbol in symbols.table)))
