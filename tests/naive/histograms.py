"""Native histograms as lists of observations: the slow way to add, compare and look things up."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from bongsu.promql.histograms.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Sequence


def index_of(value: float, schema: int) -> int:
    """Return the bucket of a positive value: the smallest whose upper bound is not below it."""
    index = math.ceil(math.log2(value) * 2.0**schema)
    while 2.0 ** ((index - 1) / 2.0**schema) >= value:
        index -= 1
    while 2.0 ** (index / 2.0**schema) < value:
        index += 1
    return index


def observe(values: Sequence[float], schema: int, zero_threshold: float = 0.0) -> Sparse:
    """Return the histogram of some observations."""
    inside = [v for v in values if abs(v) <= zero_threshold]
    return Sparse(
        schema=schema,
        zero_threshold=zero_threshold,
        zero_count=float(len(inside)),
        count=float(len(values)),
        sum=math.fsum(values),
        positive=_counts([v for v in values if v > zero_threshold], schema),
        negative=_counts([-v for v in values if v < -zero_threshold], schema),
    )


def observe_custom(values: Sequence[float], bounds: Sequence[float]) -> Sparse:
    """Return the histogram of some observations with custom bounds."""
    places = Counter(next((i for i, b in enumerate(bounds) if v <= b), len(bounds)) for v in values)
    return Sparse(
        schema=-53,
        zero_threshold=0.0,
        zero_count=0.0,
        count=float(len(values)),
        sum=math.fsum(values),
        positive={i: float(n) for i, n in places.items()},
        custom_values=tuple(bounds),
    )


def _counts(values: Sequence[float], schema: int) -> dict[int, float]:
    return {i: float(n) for i, n in Counter(index_of(v, schema) for v in values).items()}
