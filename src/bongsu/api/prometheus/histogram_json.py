"""Native histograms as the Prometheus API writes them: count, sum, and the buckets that hold something."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import orjson

from bongsu.api.prometheus.series_json import float_text
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, exponential_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.model.histograms import Histogram

    Bucket = tuple[int, float, float, float]
    """Which ends belong to it, lower end, upper end, count."""

_OPEN_LEFT, _OPEN_RIGHT, _CLOSED = 0, 1, 3
"""Which ends belong to a bucket: the upper one, the lower one, both."""


def histogram_json(histogram: Histogram) -> bytes:
    """Return ``{"count":...,"sum":...,"buckets":[[rule,lower,upper,count],...]}``; numbers but the rule are texts."""
    document: dict[str, object] = {"count": float_text(histogram.count), "sum": float_text(histogram.sum)}
    buckets = [
        [rule, *map(float_text, (lower, upper, count))] for rule, lower, upper, count in buckets_of(histogram)
    ]
    if buckets:
        document["buckets"] = buckets
    return orjson.dumps(document)


def buckets_of(histogram: Histogram) -> Iterator[Bucket]:
    """Yield the buckets that hold something, from the lowest up; none begins inside of the zero bucket."""
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA:
        yield from _custom(histogram)
        return
    negative = list(_indexed(histogram.negative_spans, histogram.negative_buckets))
    for index, count in reversed(negative):
        yield (
            _OPEN_RIGHT,
            -exponential_bound(index, histogram.schema),
            -max(exponential_bound(index - 1, histogram.schema), histogram.zero_threshold),
            count,
        )
    if histogram.zero_count > 0:
        yield _CLOSED, -histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count
    for index, count in _indexed(histogram.positive_spans, histogram.positive_buckets):
        yield (
            _OPEN_LEFT,
            max(exponential_bound(index - 1, histogram.schema), histogram.zero_threshold),
            exponential_bound(index, histogram.schema),
            count,
        )


def _custom(histogram: Histogram) -> Iterator[Bucket]:
    bounds = (-math.inf, *histogram.custom_values, math.inf)
    for index, count in _indexed(histogram.positive_spans, histogram.positive_buckets):
        yield _OPEN_LEFT if index else _CLOSED, bounds[index], bounds[index + 1], count


def _indexed(spans: tuple[tuple[int, int], ...], counts: tuple[float, ...]) -> Iterator[tuple[int, float]]:
    """Yield index and count of the buckets that the spans cover and that hold something."""
    index, remaining = 0, iter(counts)
    for offset, length in spans:
        index += offset
        for _ in range(length):
            count = next(remaining)
            if count:
                yield index, count
            index += 1
