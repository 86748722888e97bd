"""Native histograms: one sample that is a whole distribution, sparse and exact."""

from __future__ import annotations

import enum
from dataclasses import dataclass

CUSTOM_BUCKETS_SCHEMA = -53
"""Schema of histograms whose bounds are given in `Histogram.custom_values`."""


class ResetHint(enum.IntEnum):
    """What is known of a counter reset between this histogram and the one before it."""

    UNKNOWN = 0
    RESET = 1
    NO_RESET = 2
    GAUGE = 3


@dataclass(frozen=True, slots=True)
class Histogram:
    """
    A native histogram with absolute bucket counts.

    Attributes
    ----------
    schema
        Resolution, -4 to 8 (growth factor ``2 ** 2 ** -schema``), or `CUSTOM_BUCKETS_SCHEMA`.
    zero_threshold, zero_count
        Width of the zero bucket and the observations in it.
    count, sum
        All observations, NaN ones included, and their sum.
    positive_spans, negative_spans
        Pairs (offset from the end of the span before, length), covering the buckets that are given.
    positive_buckets, negative_buckets
        Absolute count of each bucket that the spans cover, in order.
    custom_values
        Upper bounds, increasing, without +Inf; only with the custom schema.
    is_float
        Counts may be fractional; integer histograms hold whole numbers.
    """

    schema: int
    zero_threshold: float
    zero_count: float
    count: float
    sum: float
    positive_spans: tuple[tuple[int, int], ...] = ()
    positive_buckets: tuple[float, ...] = ()
    negative_spans: tuple[tuple[int, int], ...] = ()
    negative_buckets: tuple[float, ...] = ()
    custom_values: tuple[float, ...] = ()
    reset_hint: ResetHint = ResetHint.UNKNOWN
    is_float: bool = False
