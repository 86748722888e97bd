"""
Native histograms as bytes: one canonical form for log, chunks and comparison, and the check that a store makes.

Equal histograms have equal bytes, and every float keeps its bits. Layout, little-endian::

    u8   flags            bit 0: float counts; bits 1-2: reset hint
    i8   schema
    u16  0                reserved
    u32  × 5              number of positive spans, negative spans, positive buckets, negative buckets, custom values
    f64  zero threshold
    f64  zero count
    f64  count
    f64  sum
    i32, u32              offset and length of each positive, then of each negative span
    f64                   positive buckets, negative buckets, custom values
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = struct.Struct("<BbHIIIIIdddd")
_SPAN = struct.Struct("<iI")
_FLOAT_COUNTS = 1
_MIN_SCHEMA, _MAX_SCHEMA = -4, 8  # Prometheus' range of exponential schemas


def encode_histogram(histogram: Histogram) -> bytes:
    """Return the canonical bytes of a histogram."""
    h = histogram
    spans = (*h.positive_spans, *h.negative_spans)
    floats = (*h.positive_buckets, *h.negative_buckets, *h.custom_values)
    head = _HEAD.pack(
        (_FLOAT_COUNTS if h.is_float else 0) | h.reset_hint << 1,
        h.schema,
        0,
        len(h.positive_spans),
        len(h.negative_spans),
        len(h.positive_buckets),
        len(h.negative_buckets),
        len(h.custom_values),
        h.zero_threshold,
        h.zero_count,
        h.count,
        h.sum,
    )
    return b"".join((head, *(_SPAN.pack(*span) for span in spans), struct.pack(f"<{len(floats)}d", *floats)))


def decode_histogram(data: bytes) -> Histogram:
    """
    Return the histogram of its canonical bytes.

    Raises
    ------
    ValueError
        If the bytes are not one whole histogram.
    """
    if len(data) < _HEAD.size:
        raise ValueError(
            f"cannot decode a histogram from {len(data)} bytes: at least {_HEAD.size} are needed"
        )
    flags, schema, _, *counts, zero_threshold, zero_count, count, total = _HEAD.unpack_from(data)
    n_positive, n_negative, *n_floats = counts
    floats_at = _HEAD.size + _SPAN.size * (n_positive + n_negative)
    if len(data) != floats_at + 8 * sum(n_floats):
        raise ValueError(
            f"cannot decode a histogram from {len(data)} bytes: {floats_at + 8 * sum(n_floats)} are needed"
        )
    spans = tuple(_SPAN.iter_unpack(data[_HEAD.size : floats_at]))
    floats = iter(struct.unpack_from(f"<{sum(n_floats)}d", data, floats_at))
    positive, negative, custom = (tuple(itertools.islice(floats, n)) for n in n_floats)
    return Histogram(
        schema=schema,
        zero_threshold=zero_threshold,
        zero_count=zero_count,
        count=count,
        sum=total,
        positive_spans=spans[:n_positive],
        positive_buckets=positive,
        negative_spans=spans[n_positive:],
        negative_buckets=negative,
        custom_values=custom,
        reset_hint=ResetHint(flags >> 1 & 3),
        is_float=bool(flags & _FLOAT_COUNTS),
    )


def histogram_fault(histogram: Histogram) -> str | None:
    """Return what is wrong with a histogram, or None when it can be stored."""
    h = histogram
    custom = h.schema == CUSTOM_BUCKETS_SCHEMA
    if not custom and not _MIN_SCHEMA <= h.schema <= _MAX_SCHEMA:
        return (
            f"schema {h.schema} is outside {_MIN_SCHEMA} to {_MAX_SCHEMA} and is not {CUSTOM_BUCKETS_SCHEMA}"
        )
    if custom and (h.negative_spans or h.negative_buckets or h.zero_count):
        return "a histogram with custom buckets has no negative and no zero bucket"
    if not custom and h.custom_values:
        return f"custom bounds need schema {CUSTOM_BUCKETS_SCHEMA}, {h.schema} was received"
    if any(not low < high for low, high in itertools.pairwise(h.custom_values)):
        return "custom bounds are not strictly increasing"
    return (
        _span_fault("positive", h.positive_spans, len(h.positive_buckets))
        or _span_fault("negative", h.negative_spans, len(h.negative_buckets))
        or _count_fault(h)
    )


def _span_fault(side: str, spans: Sequence[tuple[int, int]], n_buckets: int) -> str | None:
    if any(length < 0 for _, length in spans) or any(offset < 0 for offset, _ in spans[1:]):
        return f"{side} spans overlap or have a negative length"
    covered = sum(length for _, length in spans)
    return None if covered == n_buckets else f"{side} spans cover {covered} buckets, {n_buckets} are given"


def _count_fault(h: Histogram) -> str | None:
    counts = (h.zero_count, h.count, *h.positive_buckets, *h.negative_buckets)
    if any(count < 0 for count in counts):
        return "a count is negative"
    if h.is_float:
        return None  # fractional counts need not add up to the last bit
    total = h.zero_count + sum(h.positive_buckets) + sum(h.negative_buckets)
    # NaN observations are in the count and in no bucket; then the sum is NaN.
    fits = total <= h.count if h.sum != h.sum else total == h.count
    return None if fits else f"the buckets hold {total:.0f} observations, the count says {h.count:.0f}"
