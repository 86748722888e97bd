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


def best(values: Sequence[float], limit: int, *, largest: bool) -> list[float]:
    """Return the `limit` best values, best first, numbers before NaN; which of equal ones they are is not settled here."""
    return sorted(values, key=lambda value: _rank(value, largest=largest))[: max(limit, 0)]


def _rank(value: float, *, largest: bool) -> tuple[bool, float]:
    if math.isnan(value):
        return True, 0.0
    return False, -value if largest else value
