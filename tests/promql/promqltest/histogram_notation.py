"""Native histograms in text, ``schema:1 count:3 sum:4 buckets:[1 2] offset:-1``, and their sums and equality."""

from __future__ import annotations

import dataclasses
import re

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.promql.histograms.arithmetic import joined_hint

_FIELD = re.compile(r"(?P<name>[a-z_]+):(?:\[(?P<list>[^\]]*)\]|(?P<value>\S+))")
_HINTS = {
    "unknown": ResetHint.UNKNOWN,
    "reset": ResetHint.RESET,
    "not_reset": ResetHint.NO_RESET,
    "gauge": ResetHint.GAUGE,
}
_FIELDS = frozenset(
    {
        "schema", "sum", "count", "z_bucket", "z_bucket_w", "custom_values", "buckets", "offset", "n_buckets",
        "n_offset", "counter_reset_hint",
    }
)  # fmt: skip

Buckets = dict[int, float]
"""Counts by bucket index."""


def parse_histogram(text: str) -> Histogram:
    """Return the histogram inside of the double braces."""
    fields = {
        found["name"]: found["list"] if found["value"] is None else found["value"]
        for found in _FIELD.finditer(text)
    }
    unknown = set(fields) - _FIELDS
    if unknown or _FIELD.sub("", text).strip():
        raise ValueError(f"not a histogram: {text!r}")

    def numbers(name: str) -> tuple[float, ...]:
        return tuple(float(number) for number in fields.get(name, "").split())

    def buckets(name: str, offset: str) -> Buckets:
        start = int(fields.get(offset, "0"))
        return {start + i: count for i, count in enumerate(numbers(name))}

    positive, negative = buckets("buckets", "offset"), buckets("n_buckets", "n_offset")
    return _assembled(
        Histogram(
            schema=int(fields.get("schema", "0")),
            zero_threshold=float(fields.get("z_bucket_w", "0")),
            zero_count=float(fields.get("z_bucket", "0")),
            count=float(fields.get("count", "0")),
            sum=float(fields.get("sum", "0")),
            custom_values=numbers("custom_values"),
            reset_hint=_HINTS[fields.get("counter_reset_hint", "unknown")],
            is_float=True,
        ),
        positive,
        negative,
    )


def combine(left: Histogram, right: Histogram, sign: int) -> Histogram:
    """Return `left` plus or minus `right`, which must be of the same or a finer schema and the same zero bucket."""
    if right.schema < left.schema or left.custom_values != right.custom_values:
        raise ValueError("cannot combine histograms: the second one is coarser, or of other bounds")
    shift = right.schema - left.schema
    sides = [
        _added(positive_or_negative(left, side), _coarser(positive_or_negative(right, side), shift), sign)
        for side in ("positive", "negative")
    ]
    return _assembled(
        dataclasses.replace(
            left,
            count=left.count + sign * right.count,
            sum=left.sum + sign * right.sum,
            zero_count=left.zero_count + sign * right.zero_count,
            reset_hint=joined_hint(left.reset_hint, right.reset_hint),
        ),
        *sides,
    )


def positive_or_negative(histogram: Histogram, side: str) -> Buckets:
    """Return the buckets of one side that hold anything."""
    if side == "positive":
        return _expanded(histogram.positive_spans, histogram.positive_buckets)
    return _expanded(histogram.negative_spans, histogram.negative_buckets)


def custom_histogram(
    bounds: tuple[float, ...], counts: tuple[float, ...], *, total: float, total_sum: float
) -> Histogram:
    """Return a histogram with custom bounds; `counts` are of the buckets, the one over the last bound included."""
    return _assembled(
        Histogram(CUSTOM_BUCKETS_SCHEMA, 0.0, 0.0, total, total_sum, custom_values=bounds, is_float=True),
        dict(enumerate(counts)),
        {},
    )


def _expanded(spans: tuple[tuple[int, int], ...], counts: tuple[float, ...]) -> Buckets:
    found: Buckets = {}
    index, position = 0, 0
    for offset, length in spans:
        index += offset
        for _ in range(length):
            found[index] = counts[position]
            index, position = index + 1, position + 1
    return {index: count for index, count in found.items() if count != 0}


def _added(left: Buckets, right: Buckets, sign: int) -> Buckets:
    return {index: left.get(index, 0) + sign * right.get(index, 0) for index in left.keys() | right.keys()}


def _coarser(buckets: Buckets, shift: int) -> Buckets:
    found: Buckets = {}
    for index, count in buckets.items():
        merged = ((index - 1) >> shift) + 1
        found[merged] = found.get(merged, 0) + count
    return found


def _spans(buckets: Buckets) -> tuple[tuple[tuple[int, int], ...], tuple[float, ...]]:
    spans: list[tuple[int, int]] = []
    end = 0
    for index in sorted(buckets):
        if spans and index == end:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((index - end, 1))
        end = index + 1
    return tuple(spans), tuple(buckets[index] for index in sorted(buckets))


def _assembled(histogram: Histogram, positive: Buckets, negative: Buckets) -> Histogram:
    positive_spans, positive_buckets = _spans(positive)
    negative_spans, negative_buckets = _spans(negative)
    return dataclasses.replace(
        histogram,
        positive_spans=positive_spans,
        positive_buckets=positive_buckets,
        negative_spans=negative_spans,
        negative_buckets=negative_buckets,
    )
