"""Native histograms of both versions, whose messages are the same but for the start timestamp."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.fields import (
    read_double,
    read_doubles,
    read_fields,
    read_varints,
    require_bytes,
    require_number,
    signed,
    zigzag,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.wire.remote_write.fields import Field

_MAX_SCHEMA = 8
"""The finest resolution that is stored; finer ones (up to 52) are merged down to it, as Prometheus does."""
_FINEST_SCHEMA = 52

_COUNT, _FLOAT_COUNT, _SUM, _SCHEMA, _ZERO_THRESHOLD, _ZERO_COUNT, _FLOAT_ZERO_COUNT = range(1, 8)
_NEGATIVE_SPANS, _NEGATIVE_DELTAS, _NEGATIVE_COUNTS = 8, 9, 10
_POSITIVE_SPANS, _POSITIVE_DELTAS, _POSITIVE_COUNTS = 11, 12, 13
_RESET_HINT, _TIMESTAMP, _CUSTOM_VALUES, _START = 14, 15, 16, 17


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """A native histogram with its timestamp and start timestamp (0 = unknown), Unix milliseconds."""

    value: Histogram
    timestamp: int
    start: int


class _Fields:
    """The fields of one message by number; the last one of a number counts, repeated ones add up."""

    def __init__(self, data: bytes, begin: int, end: int) -> None:
        self._data = data
        self._fields: dict[int, list[Field]] = {}
        for field in read_fields(data, begin, end):
            self._fields.setdefault(field[0], []).append(field)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, number: int) -> int:
        return require_number(self._fields[number][-1]) if number in self._fields else 0

    def double(self, number: int) -> float:
        return read_double(self._data, self._fields[number][-1]) if number in self._fields else 0.0

    def doubles(self, number: int) -> tuple[float, ...]:
        return tuple(v for field in self._fields.get(number, ()) for v in read_doubles(self._data, field))

    def deltas(self, number: int) -> list[int]:
        return [zigzag(v) for field in self._fields.get(number, ()) for v in read_varints(self._data, field)]

    def spans(self, number: int) -> tuple[tuple[int, int], ...]:
        return tuple(self._span(field) for field in self._fields.get(number, ()))

    def _span(self, field: Field) -> tuple[int, int]:
        offset, length = 0, 0
        for inner in read_fields(self._data, *require_bytes(field)):
            if inner[0] == 1:
                offset = zigzag(require_number(inner))
            elif inner[0] == 2:
                length = require_number(inner)
        if length > len(self._data) or abs(offset) >= 1 << 31:
            raise BadRemoteWrite(f"a histogram has a span of {length} buckets at offset {offset}")
        return offset, length


def read_histogram(data: bytes, begin: int, end: int) -> HistogramSample:
    """
    Return the histogram of the message at ``data[begin:end]``, in a schema that is stored.

    Raises
    ------
    BadRemoteWrite
        If the message is malformed. Whether its counts agree is the store's to judge.
    """
    fields = _Fields(data, begin, end)
    is_float = _FLOAT_COUNT in fields or _FLOAT_ZERO_COUNT in fields
    schema = zigzag(fields.number(_SCHEMA))
    # Numbers of an int32 reset hint beyond the known ones say nothing.
    hint = fields.number(_RESET_HINT)
    histogram = Histogram(
        schema=schema,
        zero_threshold=fields.double(_ZERO_THRESHOLD),
        zero_count=fields.double(_FLOAT_ZERO_COUNT) if is_float else float(fields.number(_ZERO_COUNT)),
        count=fields.double(_FLOAT_COUNT) if is_float else float(fields.number(_COUNT)),
        sum=fields.double(_SUM),
        positive_spans=fields.spans(_POSITIVE_SPANS),
        positive_buckets=_buckets(fields, _POSITIVE_DELTAS, _POSITIVE_COUNTS, is_float=is_float),
        negative_spans=fields.spans(_NEGATIVE_SPANS),
        negative_buckets=_buckets(fields, _NEGATIVE_DELTAS, _NEGATIVE_COUNTS, is_float=is_float),
        custom_values=fields.doubles(_CUSTOM_VALUES),
        reset_hint=ResetHint(hint) if hint <= max(ResetHint) else ResetHint.UNKNOWN,
        is_float=is_float,
    )
    if _MAX_SCHEMA < schema <= _FINEST_SCHEMA and schema != CUSTOM_BUCKETS_SCHEMA:
        histogram = _coarser(histogram)
    return HistogramSample(histogram, signed(fields.number(_TIMESTAMP)), signed(fields.number(_START)))


def _buckets(fields: _Fields, deltas: int, counts: int, *, is_float: bool) -> tuple[float, ...]:
    if is_float:
        return fields.doubles(counts)
    return tuple(map(float, itertools.accumulate(fields.deltas(deltas))))


def _coarser(histogram: Histogram) -> Histogram:
    """Return the histogram in the finest stored schema: each step halves the resolution and merges pairs of buckets."""
    steps = histogram.schema - _MAX_SCHEMA
    positive = _merged(histogram.positive_spans, histogram.positive_buckets, steps)
    negative = _merged(histogram.negative_spans, histogram.negative_buckets, steps)
    return replace(
        histogram,
        schema=_MAX_SCHEMA,
        positive_spans=positive[0],
        positive_buckets=positive[1],
        negative_spans=negative[0],
        negative_buckets=negative[1],
    )


def _merged(
    spans: Sequence[tuple[int, int]], buckets: Sequence[float], steps: int
) -> tuple[tuple[tuple[int, int], ...], tuple[float, ...]]:
    indices: list[int] = []
    at = 0
    for offset, length in spans:
        at += offset
        indices += range(at, at + length)
        at += length
    if len(indices) != len(buckets):
        raise BadRemoteWrite(f"spans of a histogram cover {len(indices)} buckets, {len(buckets)} are given")
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
