"""
A native histogram taken apart: its buckets by index, ready for arithmetic.

Bucket *i* of schema *s* covers ``(2 ** ((i - 1) * 2 ** -s), 2 ** (i * 2 ** -s)]``, its mirror image among the negative
buckets. With custom bounds, bucket *i* ends at the *i*-th bound, and the last one at +Inf.
Source: Prometheus documentation, "Native histograms", bucket boundaries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint, exponential_bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Buckets = dict[int, float]
"""Counts by bucket index."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket with its bounds; which of them belongs to it does not matter for arithmetic."""

    lower: float
    upper: float
    count: float


@dataclass(slots=True)
class Sparse:
    """A histogram whose buckets are addressed by index. Mutable, and owned by whoever computes with it."""

    schema: int
    zero_threshold: float
    zero_count: float
    count: float
    sum: float
    positive: Buckets = field(default_factory=dict)
    negative: Buckets = field(default_factory=dict)
    custom_values: tuple[float, ...] = ()
    reset_hint: ResetHint = ResetHint.UNKNOWN

    @property
    def is_custom(self) -> bool:
        """Whether the bounds are given one by one."""
        return self.schema == CUSTOM_BUCKETS_SCHEMA

    def copy(self) -> Sparse:
        """Return an independent copy."""
        return Sparse(
            self.schema, self.zero_threshold, self.zero_count, self.count, self.sum,
            dict(self.positive), dict(self.negative), self.custom_values, self.reset_hint,
        )  # fmt: skip

    def bounds(self, index: int) -> tuple[float, float]:
        """Return the lower and upper bound of a positive bucket."""
        if not self.is_custom:
            return exponential_bound(index - 1, self.schema), exponential_bound(index, self.schema)
        values = self.custom_values
        lower = values[index - 1] if index > 0 else -math.inf
        return lower, values[index] if index < len(values) else math.inf

    def all_buckets(self) -> Iterator[Bucket]:
        """
        Yield all buckets from the lowest to the highest, the zero bucket among them when it holds anything.

        A bucket that the zero bucket reaches into begins where that one ends.
        """
        for index in sorted(self.negative, reverse=True):
            lower, upper = self.outer_bounds(index)
            yield Bucket(-upper, -lower, self.negative[index])
        if self.zero_count > 0:
            yield Bucket(-self.zero_threshold, self.zero_threshold, self.zero_count)
        for index in sorted(self.positive):
            yield Bucket(*self.outer_bounds(index), self.positive[index])

    def outer_bounds(self, index: int) -> tuple[float, float]:
        """Return the bounds of a positive bucket outside of the zero bucket."""
        lower, upper = self.bounds(index)
        return (lower if self.is_custom else max(lower, self.zero_threshold)), upper

    def scale(self, factor: float) -> Sparse:
        """Multiply all counts and the sum, in place; a negative factor makes a gauge, since no counter is negative."""
        if factor < 0:
            self.reset_hint = ResetHint.GAUGE
        self.zero_count *= factor
        self.count *= factor
        self.sum *= factor
        for buckets in (self.positive, self.negative):
            for index in buckets:
                buckets[index] *= factor
        return self

    def divide(self, divisor: float) -> Sparse:
        """Divide all counts and the sum, in place; by zero, buckets vanish as their counts have no meaning."""
        if divisor < 0:
            self.reset_hint = ResetHint.GAUGE
        self.zero_count = ratio(self.zero_count, divisor)
        self.count = ratio(self.count, divisor)
        self.sum = ratio(self.sum, divisor)
        if divisor == 0:
            self.positive, self.negative = {}, {}
        for buckets in (self.positive, self.negative):
            for index in buckets:
                buckets[index] /= divisor
        return self

    def to_schema(self, schema: int) -> Sparse:
        """Reduce the resolution to `schema`, in place; a schema that is not lower changes nothing."""
        if not self.is_custom and schema < self.schema:
            shift = self.schema - schema
            self.positive = _coarser(self.positive, shift)
            self.negative = _coarser(self.negative, shift)
            self.schema = schema
        return self

    def frozen(self) -> Histogram:
        """Return the value, without empty buckets."""
        positive_spans, positive = _spans(self.positive)
        negative_spans, negative = _spans(self.negative)
        return Histogram(
            schema=self.schema,
            zero_threshold=self.zero_threshold,
            zero_count=self.zero_count,
            count=self.count,
            sum=self.sum,
            positive_spans=positive_spans,
            positive_buckets=positive,
            negative_spans=negative_spans,
            negative_buckets=negative,
            custom_values=self.custom_values,
            reset_hint=self.reset_hint,
            is_float=True,
        )


def thaw(histogram: Histogram) -> Sparse:
    """Return a histogram taken apart."""
    return Sparse(
        schema=histogram.schema,
        zero_threshold=histogram.zero_threshold,
        zero_count=histogram.zero_count,
        count=histogram.count,
        sum=histogram.sum,
        positive=_by_index(histogram.positive_spans, histogram.positive_buckets),
        negative=_by_index(histogram.negative_spans, histogram.negative_buckets),
        custom_values=histogram.custom_values,
        reset_hint=histogram.reset_hint,
    )


def _by_index(spans: tuple[tuple[int, int], ...], counts: tuple[float, ...]) -> Buckets:
    result: Buckets = {}
    index = place = 0
    for offset, length in spans:
        index += offset
        for _ in range(length):
            result[index] = counts[place]
            index += 1
            place += 1
    return result


def _spans(buckets: Mapping[int, float]) -> tuple[tuple[tuple[int, int], ...], tuple[float, ...]]:
    used = sorted(index for index, count in buckets.items() if count != 0)
    spans: list[tuple[int, int]] = []
    end = 0
    for index in used:
        if spans and index == end:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((index - end, 1))
        end = index + 1
    return tuple(spans), tuple(buckets[index] for index in used)


def _coarser(buckets: Buckets, shift: int) -> Buckets:
    result: Buckets = {}
    for index, count in buckets.items():
        wider = ((index - 1) >> shift) + 1
        result[wider] = result.get(wider, 0.0) + count
    return result


def ratio(value: float, divisor: float) -> float:
    """Return a quotient as IEEE 754 defines it: by zero it is infinite, or NaN."""
    if divisor != 0:
        return value / divisor
    if value == 0 or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1.0, divisor)
