"""Classic histograms read as native ones with custom buckets, as ``load_with_nhcb`` stores them beside each other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.promql.promqltest.histogram_notation import custom_histogram
from tests.promql.promqltest.script import Series

if TYPE_CHECKING:
    from tests.promql.promqltest.notation import Cell, Labels

from bongsu.model.histograms import Histogram
from bongsu.model.labels import METRIC_NAME

Key = tuple[tuple[str, str], ...]


class _Classic:
    """The series of one classic histogram."""

    def __init__(self) -> None:
        self.buckets: dict[float, list[Cell]] = {}
        self.count: list[Cell] = []
        self.sum: list[Cell] = []

    def histogram_at(self, step: int) -> Histogram | None:
        counts = {le: _at(cells, step) for le, cells in self.buckets.items()}
        found = sorted((le, count) for le, count in counts.items() if count is not None)
        total = _at(self.count, step)
        if not found or any(later < earlier for (_, earlier), (_, later) in pairwise(found)):
            return None
        if total is None:
            total = found[-1][1]
        bounds = tuple(le for le, _ in found if le != float("inf"))
        cumulative = [0.0, *(count for le, count in found if le != float("inf")), total]
        counts_each = tuple(later - earlier for earlier, later in pairwise(cumulative))
        return custom_histogram(bounds, counts_each, total=total, total_sum=_at(self.sum, step) or 0.0)


def native_series(series: list[Series]) -> list[Series]:
    """Return a native histogram for every classic one of `series`."""
    classics: dict[Key, _Classic] = {}
    for one in series:
        name = one.labels.get(METRIC_NAME, "")
        for suffix in ("_bucket", "_count", "_sum"):
            if name.endswith(suffix):
                _gather(classics, one, name.removesuffix(suffix), suffix)
    return [
        Series(dict(key), [classic.histogram_at(step) for step in range(_length(classic))])
        for key, classic in classics.items()
        if classic.buckets
    ]


def _gather(classics: dict[Key, _Classic], series: Series, name: str, suffix: str) -> None:
    labels: Labels = {**series.labels, METRIC_NAME: name}
    le = labels.pop("le", None)
    classic = classics.setdefault(tuple(sorted(labels.items())), _Classic())
    if suffix == "_count":
        classic.count = series.cells
    elif suffix == "_sum":
        classic.sum = series.cells
    elif le is not None:
        try:
            classic.buckets[float(le)] = series.cells
        except ValueError:
            return


def _length(classic: _Classic) -> int:
    return max(len(cells) for cells in classic.buckets.values())


def _at(cells: list[Cell], step: int) -> float | None:
    cell = cells[step] if step < len(cells) else None
    return None if cell is None or isinstance(cell, Histogram) else cell
