"""An encoder of the Prometheus protobuf exposition format, written against its definition alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.remote_write import (
    deltas,
    double,
    encode_spans,
    message,
    number,
    packed,
    packed_doubles,
    text,
    varint,
    zigzag,
)

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
_VALUES = {COUNTER: 3, GAUGE: 2, SUMMARY: 4, UNTYPED: 5, HISTOGRAM: 7, GAUGE_HISTOGRAM: 7}


@dataclass(frozen=True)
class ClassicBucket:
    """A bucket of a classic histogram."""

    count: int
    bound: float
    exemplar: bytes = b""


def labels(pairs: dict[str, str]) -> bytes:
    """Return the label messages of a metric or exemplar."""
    return b"".join(message(1, text(1, name) + text(2, value)) for name, value in pairs.items())


def time_message(tag: int, ms: int) -> bytes:
    """Return a ``google.protobuf.Timestamp``."""
    return message(tag, number(1, ms // 1000) + number(2, ms % 1000 * 1_000_000)) if ms else b""


def exemplar(pairs: dict[str, str], value: float, ms: int = 0) -> bytes:
    """Return an exemplar message's content."""
    return labels(pairs) + double(2, value) + time_message(3, ms)


def plain(value: float, *, exemplar_content: bytes = b"", created_ms: int = 0) -> bytes:
    """Return a counter, gauge or untyped value."""
    return (
        double(1, value)
        + (message(2, exemplar_content) if exemplar_content else b"")
        + time_message(3, created_ms)
    )


def summary(count: int, total: float, quantiles: dict[float, float]) -> bytes:
    """Return a summary value."""
    parts = [message(3, double(1, q) + double(2, v)) for q, v in quantiles.items()]
    return number(1, count) + double(2, total) + b"".join(parts)


def classic(count: int, total: float, buckets: list[ClassicBucket], created_ms: int = 0) -> bytes:
    """Return the classic part of a histogram."""
    parts = [
        message(3, number(1, b.count) + double(2, b.bound) + (message(3, b.exemplar) if b.exemplar else b""))
        for b in buckets
    ]
    return number(1, count) + double(2, total) + b"".join(parts) + time_message(15, created_ms)


def native(value: Histogram) -> bytes:
    """Return the native part of a histogram, sum and count included."""
    parts = [double(2, value.sum), number(5, zigzag(value.schema)), double(6, value.zero_threshold)]
    parts += [encode_spans(9, value.negative_spans), encode_spans(12, value.positive_spans)]
    if value.is_float:
        parts += [varint(4 << 3 | 1) + struct.pack("<d", value.count), double(8, value.zero_count)]
        parts += [packed_doubles(11, value.negative_buckets), packed_doubles(14, value.positive_buckets)]
    else:
        parts += [number(1, int(value.count)), number(7, int(value.zero_count))]
        parts += [packed(10, deltas(value.negative_buckets)), packed(13, deltas(value.positive_buckets))]
    return b"".join(parts)


def metric(kind: int, value: bytes, pairs: dict[str, str] | None = None, timestamp: int = 0) -> bytes:
    """Return a metric message's content."""
    return labels(pairs or {}) + message(_VALUES[kind], value) + number(6, timestamp)


def family(name: str, kind: int, *metrics: bytes, help_text: str = "", unit: str = "") -> bytes:
    """Return one delimited family."""
    content = text(1, name) + text(2, help_text) + number(3, kind) + text(5, unit)
    content += b"".join(message(4, one) for one in metrics)
    return varint(len(content)) + content
