"""Sums and means of many native histograms: all are brought to one layout, then each count is summed exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.model.histograms import ResetHint
from bongsu.promql.histograms.arithmetic import (
    IncompatibleLayouts,
    joined_hint,
    onto_bounds,
    shared_bounds,
    widen_zero_bucket,
    zero_count_for,
)
from bongsu.promql.histograms.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bongsu.model.histograms import Histogram
    from bongsu.promql.histograms.sparse import Buckets


class HistogramTotal:
    """
    A sum, or mean, of histograms.

    Parameters
    ----------
    mean
        The sum is divided by the number of histograms.
    """

    def __init__(self, *, mean: bool) -> None:
        self._mean = mean
        self._parts: list[Sparse] = []
        self._hints: set[ResetHint] = set()

    @property
    def collision(self) -> bool:
        """Whether some begin with a counter reset and others are known not to."""
        return {ResetHint.RESET, ResetHint.NO_RESET} <= self._hints

    @property
    def reconciled(self) -> bool:
        """Whether custom bounds differ, and are reduced to the common ones."""
        return len({part.custom_values for part in self._parts}) > 1

    def add(self, part: Sparse) -> None:
        """
        Add one histogram, which is the total's own from now on.

        Raises
        ------
        IncompatibleLayouts
            If its buckets have no common layout with those before.
        """
        if self._parts and self._parts[0].is_custom != part.is_custom:
            raise IncompatibleLayouts
        self._parts.append(part)
        self._hints.add(part.reset_hint)

    def result(self) -> Histogram:
        """Return the sum or mean of what was added, at least one histogram."""
        parts = self._parts
        assert parts, "BUG: nothing was added"
        if parts[0].is_custom:
            _share_bounds(parts)
        else:
            _share_exponential_layout(parts)
        combine = self._mean_of if self._mean else exact_sum
        total = Sparse(
            schema=parts[0].schema,
            zero_threshold=parts[0].zero_threshold,
            zero_count=combine([part.zero_count for part in parts]),
            count=combine([part.count for part in parts]),
            sum=combine([part.sum for part in parts]),
            positive=_combined([part.positive for part in parts], combine),
            negative=_combined([part.negative for part in parts], combine),
            custom_values=parts[0].custom_values,
            reset_hint=_joined([part.reset_hint for part in parts]),
        )
        return total.frozen()

    def _mean_of(self, values: list[float]) -> float:
        count = len(self._parts)
        mean = exact_sum(values) / count
        if math.isinf(mean) and all(map(math.isfinite, values)):
            # Only the sum was too large for a float.
            return math.fsum(value / count for value in values)
        return mean


def exact_sum(values: Iterable[float]) -> float:
    """Return the sum, rounded once; infinities and NaN as in plain addition."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def _combined(parts: list[Buckets], combine: Callable[[list[float]], float]) -> Buckets:
    indices = {index for buckets in parts for index in buckets}
    return {index: combine([buckets.get(index, 0.0) for buckets in parts]) for index in indices}


def _joined(hints: list[ResetHint]) -> ResetHint:
    result = hints[0]
    for hint in hints[1:]:
        result = joined_hint(result, hint)
    return result


def _share_bounds(parts: list[Sparse]) -> None:
    shared = parts[0].custom_values
    for part in parts:
        shared = shared_bounds(shared, part.custom_values)
    for part in parts:
        if part.custom_values != shared:
            part.positive = onto_bounds(part.positive, part.custom_values, shared)
            part.custom_values = shared


def _share_exponential_layout(parts: list[Sparse]) -> None:
    """Bring all to the lowest resolution, and to a zero bucket that cuts no populated bucket of any."""
    threshold = max(part.zero_threshold for part in parts)
    while True:
        wider = max(zero_count_for(part, threshold)[1] for part in parts)
        if wider == threshold:
            break
        threshold = wider
    schema = min(part.schema for part in parts)
    for part in parts:
        if part.zero_threshold != threshold:
            widen_zero_bucket(part, threshold)
        part.to_schema(schema)
