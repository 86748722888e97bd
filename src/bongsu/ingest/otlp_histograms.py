"""Exponential histograms of OpenTelemetry as native ones: the same buckets under other numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.samples import STALE_NAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.wire.otlp.values import ExponentialPoint

MIN_SCALE, MAX_SCALE = -4, 8
"""Resolutions of native histograms; finer ones are merged down, coarser ones have no counterpart."""

_DEFAULT_ZERO_THRESHOLD = 1e-128
"""What Prometheus takes where the sender gives none: everything that a double can hold beyond it is a real value."""

_MAX_GAP = 2
"""Empty buckets up to this many are written out instead of starting a new span, which takes as much room."""

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


_Side = tuple[tuple[tuple[int, int], ...], tuple[float, ...]]


def _spans(offset: int, counts: Sequence[int], shift: int) -> _Side | None:
    """Return spans and counts; merging by `shift` halves the resolution as many times. None when numbers do not fit."""
    merged: dict[int, int] = {}
    for position, count in enumerate(counts):
        if count:
            # OpenTelemetry's bucket i begins at base**i, a native one ends there: the numbers differ by one.
            index = ((offset + position) >> shift) + 1
            merged[index] = merged.get(index, 0) + count
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
