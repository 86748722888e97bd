"""Histograms of OpenTelemetry as native ones: the same buckets under other numbers, or with the bounds that they have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import STALE_NAN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bongsu.wire.otlp.values import ExponentialPoint, HistogramPoint

MIN_SCALE, MAX_SCALE = -4, 8
"""Resolutions of native histograms; finer ones are merged down, coarser ones have no counterpart."""

_DEFAULT_ZERO_THRESHOLD = 1e-128
"""What Prometheus takes where the sender gives none: everything that a double can hold beyond it is a real value."""

_MAX_GAP = 2
"""Empty buckets up to this many are written out instead of starting a new span, which takes as much room."""

_MOST_BUCKETS = 320
"""Buckets of a side of a running total, twice what SDKs keep: beyond it the total takes a coarser scale, as they do."""

_INT32 = range(-(2**31), 2**31)


def native_histogram(point: ExponentialPoint) -> Histogram | str:
    """Return the native histogram of a point, or why there is none."""
    if point.absent:
        return Histogram(schema=0, zero_threshold=0.0, zero_count=0.0, count=0.0, sum=STALE_NAN)
    if point.scale < MIN_SCALE:
        return f"scale {point.scale} is below {MIN_SCALE}, the coarsest of native histograms; record with a finer one"
    schema = min(point.scale, MAX_SCALE)
    shift = point.scale - schema
    positive = _spans(point.positive_offset, point.positive_counts, shift)
    negative = _spans(point.negative_offset, point.negative_counts, shift)
    if positive is None or negative is None:
        return "a bucket's number is outside 32 bits"
    return Histogram(
        schema=schema,
        zero_threshold=point.zero_threshold or _DEFAULT_ZERO_THRESHOLD,
        zero_count=float(point.zero_count),
        count=float(point.observations),
        sum=point.sum if point.sum is not None else 0.0,
        positive_spans=positive[0],
        positive_buckets=positive[1],
        negative_spans=negative[0],
        negative_buckets=negative[1],
        reset_hint=ResetHint.UNKNOWN,
    )


def native_buckets(point: HistogramPoint) -> Histogram:
    """Return a histogram with given bounds as a native one that has the same."""
    if point.absent:
        return Histogram(CUSTOM_BUCKETS_SCHEMA, 0.0, 0.0, 0.0, STALE_NAN)
    counts = point.counts or (point.observations,)
    bounds = point.bounds
    if bounds and math.isinf(bounds[-1]):
        # The bucket up to infinity has no bound of its own in a native histogram.
        bounds, counts = bounds[:-1], (*counts[:-2], counts[-2] + counts[-1])
    return Histogram(
        schema=CUSTOM_BUCKETS_SCHEMA,
        zero_threshold=0.0,
        zero_count=0.0,
        count=float(sum(counts)),
        sum=point.sum if point.sum is not None else 0.0,
        positive_spans=((0, len(counts)),),
        positive_buckets=tuple(map(float, counts)),
        custom_values=bounds,
    )


def added(total: ExponentialPoint, point: ExponentialPoint) -> ExponentialPoint | None:
    """Return `point` with the observations of both, since the start of `total`; None where no scale can hold them."""
    for scale in range(min(total.scale, point.scale), MIN_SCALE - 1, -1):
        shifts = total.scale - scale, point.scale - scale
        positive = _together(
            (total.positive_offset, total.positive_counts, shifts[0]),
            (point.positive_offset, point.positive_counts, shifts[1]),
        )
        negative = _together(
            (total.negative_offset, total.negative_counts, shifts[0]),
            (point.negative_offset, point.negative_counts, shifts[1]),
        )
        if positive is not None and negative is not None:
            return point._replace(
                start_ns=total.start_ns,
                observations=total.observations + point.observations,
                sum=optional_sum(total.sum, point.sum),
                scale=scale,
                zero_count=total.zero_count + point.zero_count,
                positive_offset=positive[0],
                positive_counts=positive[1],
                negative_offset=negative[0],
                negative_counts=negative[1],
            )
    return None


def optional_sum(left: float | None, right: float | None) -> float | None:
    """Return a sum that is known only where both parts are."""
    return None if left is None or right is None else left + right


def _together(*sides: tuple[int, Sequence[int], int]) -> tuple[int, tuple[int, ...]] | None:
    """Return offset and counts of sides, each given by offset, counts, and the fall of its scale; None for too many buckets."""
    merged: dict[int, int] = {}
    for offset, counts, shift in sides:
        for index, count in _merged(offset, counts, shift):
            merged[index] = merged.get(index, 0) + count
    if not merged:
        return 0, ()
    first, last = min(merged), max(merged)
    if last - first >= _MOST_BUCKETS:
        return None
    return first, tuple(merged.get(index, 0) for index in range(first, last + 1))


def _merged(offset: int, counts: Sequence[int], shift: int) -> Iterator[tuple[int, int]]:
    """Yield number and count of the buckets that are not empty; `shift` halves the resolution as many times."""
    for position, count in enumerate(counts):
        if count:
            yield (offset + position) >> shift, count


_Side = tuple[tuple[tuple[int, int], ...], tuple[float, ...]]


def _spans(offset: int, counts: Sequence[int], shift: int) -> _Side | None:
    """Return spans and counts; merging by `shift` halves the resolution as many times. None when numbers do not fit."""
    merged: dict[int, int] = {}
    for place, count in _merged(offset, counts, shift):
        # OpenTelemetry's bucket i begins at base**i, a native one ends there: the numbers differ by one.
        merged[place + 1] = merged.get(place + 1, 0) + count
    spans: list[list[int]] = []
    buckets: list[float] = []
    end = 0
    for index in sorted(merged):
        if index not in _INT32:
            return None
        gap = index - end
        if spans and gap <= _MAX_GAP:
            spans[-1][1] += gap + 1
            buckets.extend([0.0] * gap)
        else:
            spans.append([gap, 1])
        buckets.append(float(merged[index]))
        end = index + 1
    return tuple((offset, length) for offset, length in spans), tuple(buckets)
