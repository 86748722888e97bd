"""Aggregations of one group at one step, from their definitions alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.naive.windows import total, variance

if TYPE_CHECKING:
    from collections.abc import Sequence


def aggregate(name: str, values: Sequence[float]) -> float | None:
    """Return the aggregation `name` of a group's values, None for an empty group."""
    if not values:
        return None
    numbers = [v for v in values if not math.isnan(v)]
    match name:
        case "SUM":
            return total(values)
        case "AVG":
            return total(values) / len(values)
        case "MIN":
            return min(numbers, default=math.nan)
        case "MAX":
            return max(numbers, default=math.nan)
        case "COUNT":
            return len(values)
        case "GROUP":
            return 1
        case "STDVAR":
            return variance(values)
        case "STDDEV":
            return math.sqrt(variance(values))
        case _:
            raise AssertionError(name)


def best(values: Sequence[float | None], limit: int, *, largest: bool) -> list[bool]:
    """Tell which values are among the `limit` best: numbers before NaN, earlier ones before equals."""
    ranked = sorted(
        (i for i, v in enumerate(values) if v is not None),
        key=lambda i: _rank(values[i], largest=largest),
    )
    return [i in ranked[: max(limit, 0)] for i in range(len(values))]


def _rank(value: float | None, *, largest: bool) -> tuple[bool, float]:
    assert value is not None
    if math.isnan(value):
        return True, 0.0
    return False, -value if largest else value
