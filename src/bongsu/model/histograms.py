"""Native histograms: one sample that is a whole distribution, sparse and exact."""

from __future__ import annotations

import enum
import math
import sys
from dataclasses import dataclass

CUSTOM_BUCKETS_SCHEMA = -53
"""Schema of histograms whose bounds are given in `Histogram.custom_values`."""


_FINEST_SCHEMA = 8


def _fractions() -> tuple[float, ...]:
    """
    Return the bounds of the finest schema in [0.5, 1).

    Each schema has those of the next coarser one, and between them the lower one times its growth factor. So they are,
    bit for bit, the numbers that Prometheus holds in a table; the powers of two alone would differ in the last digit.
    """
    bounds = [0.5, 1 / math.sqrt(2)]
    for schema in range(2, _FINEST_SCHEMA + 1):
        growth = 2.0 ** (1 / (1 << schema))
        bounds = [bound for lower in bounds for bound in (lower, lower * growth)]
    return tuple(bounds)


_FRACTIONS = _fractions()


def exponential_bound(index: int, schema: int) -> float:
    """Return the upper bound of bucket `index`, ``2 ** (index * 2 ** -schema)``; where that is 2 ** 1024, the largest float."""
    if schema <= 0:
        fraction, exponent = 0.5, (index << -schema) + 1
    else:
        whole, part = divmod(index, 1 << schema)
        fraction, exponent = _FRACTIONS[part << (_FINEST_SCHEMA - schema)], whole + 1
    try:
        return math.ldexp(fraction, exponent)
    except OverflowError:
        return sys.float_info.max if (fraction, exponent) == (0.5, sys.float_info.max_exp + 1) else math.inf


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
