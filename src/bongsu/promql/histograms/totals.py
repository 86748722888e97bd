"""Sums and means of many native histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.histograms import ResetHint
from bongsu.promql.histograms.arithmetic import add
from bongsu.promql.histograms.sparse import Sparse, thaw

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram


class HistogramTotal:
    """
    A running sum, or mean, of histograms.

    Attributes
    ----------
    collision
        Some of them began with a counter reset, and others are known not to have.
    reconciled
        Custom bounds differed and were reduced to the common ones.
    """

    def __init__(self, *, mean: bool) -> None:
        self._mean = mean
        self._total: Sparse | None = None
        self._count = 0
        self._hints: set[ResetHint] = set()
        self.reconciled = False

    @property
    def collision(self) -> bool:
        """Whether the reset hints contradict each other."""
        return {ResetHint.RESET, ResetHint.NO_RESET} <= self._hints

    def add(self, histogram: Histogram) -> None:
        """
        Add one histogram.

        Raises
        ------
        IncompatibleLayouts
            If its buckets have no common layout with those before.
        """
        self._count += 1
        self._hints.add(histogram.reset_hint)
        if self._total is None:
            self._total = thaw(histogram)
            return
        self.reconciled |= add(self._total, thaw(histogram)).reconciled

    def result(self) -> Histogram:
        """Return the sum or mean of what was added, at least one histogram."""
        assert self._total is not None, "BUG: nothing was added"
        if self._mean:
            return self._total.copy().divide(self._count).frozen()
        return self._total.frozen()
