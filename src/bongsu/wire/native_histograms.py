"""Native histograms in protobuf: messages that differ in their field numbers only."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.wire import encode
from bongsu.wire.messages import BadMessage, Message, zigzag

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_SCHEMA = 8
"""The finest resolution that is stored; finer ones (up to 52) are merged down to it, as Prometheus does."""
_FINEST_SCHEMA = 52


@dataclass(frozen=True, slots=True)
class HistogramNumbers:
    """The field numbers of one message type; `custom_values` 0 when it has none."""

    count: int
    float_count: int
    sum: int
    schema: int
    zero_threshold: int
    zero_count: int
    float_zero_count: int
    negative_spans: int
    negative_deltas: int
    negative_counts: int
    positive_spans: int
    positive_deltas: int
    positive_counts: int
    custom_values: int = 0


def build_histogram(
    message: Message, numbers: HistogramNumbers, *, is_float: bool, reset_hint: ResetHint
) -> Histogram:
    """
    Return the histogram of a message, in a schema that is stored.

    Raises
    ------
    BadMessage
        If it is malformed. Whether its counts agree is the store's to judge.
    """
    n = numbers
    histogram = Histogram(
        schema=zigzag(message.number(n.schema)),
        zero_threshold=message.double(n.zero_threshold),
        zero_count=message.double(n.float_zero_count) if is_float else float(message.number(n.zero_count)),
        count=message.double(n.float_count) if is_float else float(message.number(n.count)),
        sum=message.double(n.sum),
        positive_spans=_spans(message, n.positive_spans),
        positive_buckets=_buckets(message, n.positive_deltas, n.positive_counts, is_float=is_float),
        negative_spans=_spans(message, n.negative_spans),
        negative_buckets=_buckets(message, n.negative_deltas, n.negative_counts, is_float=is_float),
        custom_values=message.doubles(n.custom_values),
        reset_hint=reset_hint,
        is_float=is_float,
    )
    return coarser(histogram, _MAX_SCHEMA) if _MAX_SCHEMA < histogram.schema <= _FINEST_SCHEMA else histogram


def write_native(histogram: Histogram, numbers: HistogramNumbers) -> bytes:
    """Return the fields of a histogram, the mirror of `build_histogram`; the reset hint is the caller's."""
    n = numbers
    if histogram.is_float:
        counts = encode.double(n.float_count, histogram.count) + encode.double(
            n.float_zero_count, histogram.zero_count
        )
        sides = encode.packed_doubles(n.negative_counts, histogram.negative_buckets)
        sides += encode.packed_doubles(n.positive_counts, histogram.positive_buckets)
    else:
        counts = encode.number(n.count, int(histogram.count)) + encode.number(
            n.zero_count, int(histogram.zero_count)
        )
        sides = encode.packed_signed(n.negative_deltas, _deltas(histogram.negative_buckets))
        sides += encode.packed_signed(n.positive_deltas, _deltas(histogram.positive_buckets))
    return b"".join(
        (
            counts,
            encode.double(n.sum, histogram.sum),
            encode.signed_number(n.schema, histogram.schema),
            encode.double(n.zero_threshold, histogram.zero_threshold),
            _written_spans(n.negative_spans, histogram.negative_spans),
            _written_spans(n.positive_spans, histogram.positive_spans),
            sides,
            encode.packed_doubles(n.custom_values, histogram.custom_values) if n.custom_values else b"",
        )
    )


def _deltas(buckets: Sequence[float]) -> list[int]:
    counts = [0, *map(int, buckets)]
    return [after - before for before, after in itertools.pairwise(counts)]


def _written_spans(field: int, spans: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(
        encode.field(field, encode.signed_number(1, offset) + encode.number(2, length))
        for offset, length in spans
    )


def _spans(message: Message, number: int) -> tuple[tuple[int, int], ...]:
    spans = tuple((zigzag(span.number(1)), span.number(2)) for span in message.messages(number))
    for offset, length in spans:
        if length >= 1 << 31 or abs(offset) >= 1 << 31:
            raise BadMessage(f"a histogram has a span of {length} buckets at offset {offset}")
    return spans


def _buckets(message: Message, deltas: int, counts: int, *, is_float: bool) -> tuple[float, ...]:
    if is_float:
        return message.doubles(counts)
    return tuple(map(float, itertools.accumulate(message.zigzags(deltas))))


def coarser(histogram: Histogram, schema: int) -> Histogram:
    """Return an exponential histogram in a coarser schema: each step halves the resolution and merges pairs of buckets."""
    steps = histogram.schema - schema
    positive = _merged(histogram.positive_spans, histogram.positive_buckets, steps)
    negative = _merged(histogram.negative_spans, histogram.negative_buckets, steps)
    return replace(
        histogram,
        schema=schema,
        positive_spans=positive[0],
        positive_buckets=positive[1],
        negative_spans=negative[0],
        negative_buckets=negative[1],
    )


def _merged(
    spans: Sequence[tuple[int, int]], buckets: Sequence[float], steps: int
) -> tuple[tuple[tuple[int, int], ...], tuple[float, ...]]:
    # Judged before the indices are made: a span may claim two thousand million buckets.
    covered = sum(length for _, length in spans)
    if covered != len(buckets):
        raise BadMessage(f"spans of a histogram cover {covered} buckets, {len(buckets)} are given")
    indices: list[int] = []
    at = 0
    for offset, length in spans:
        at += offset
        indices += range(at, at + length)
        at += length
    totals: dict[int, float] = {}
    for index, count in zip(indices, buckets, strict=True):
        # Bucket i covers (base ** (i - 1), base ** i]: pairs end at even indices.
        merged = ((index - 1) >> steps) + 1
        totals[merged] = totals.get(merged, 0.0) + count
    return _spans_of(sorted(totals)), tuple(totals[index] for index in sorted(totals))


def _spans_of(indices: Sequence[int]) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    end = 0
    for index in indices:
        if spans and index == end:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((index - end, 1))
        end = index + 1
    return tuple(spans)
