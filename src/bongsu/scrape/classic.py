"""
Classic histograms of a body as native ones with the same bounds: the option 'convert_classic_histograms_to_nhcb'.

Which lines make which histogram is found once for a layout; a scrape then only takes differences of their values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.labels import METRIC_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.scrape.layout import Readings
    from bongsu.wire.exposition.body import Exposition
    from bongsu.wire.exposition.lexical import Labels

_BOUND = "le"
_PARTS = ("_bucket", "_sum", "_count")


@dataclass(frozen=True, slots=True)
class ClassicHistogram:
    """
    One histogram that a body spells out.

    Attributes
    ----------
    labels
        Those of the native series: the metric's name and the labels without the bound.
    bounds
        Finite upper bounds, increasing.
    rows : ndarray of int64, shape (n_bounds + 1,)
        Samples with the cumulative counts: one of each bound, then one of all observations.
    sum_row
        The sample with the sum, -1 where there is none.
    lines
        All samples that the native one takes the place of.
    """

    labels: Labels
    bounds: tuple[float, ...]
    rows: NDArray[np.int64]
    sum_row: int
    lines: tuple[int, ...]

    def native(self, values: NDArray[np.float64]) -> Histogram:
        """Return the histogram that the samples of a body make; counts that fall make one that a store refuses."""
        counts = np.diff(values[self.rows], prepend=0.0)
        total = float(values[self.rows[-1]])
        return Histogram(
            schema=CUSTOM_BUCKETS_SCHEMA,
            zero_threshold=0.0,
            zero_count=0.0,
            count=total,
            sum=float(values[self.sum_row]) if self.sum_row >= 0 else 0.0,
            positive_spans=((0, len(counts)),),
            positive_buckets=tuple(counts.tolist()),
            custom_values=self.bounds,
            is_float=not bool((counts == np.floor(counts)).all()),
        )


def with_native(readings: Readings, classic: Sequence[ClassicHistogram]) -> Readings:
    """Return the readings of a body with its native histograms as further samples at the end, in the order of `classic`."""
    if not classic:
        return readings
    first = len(readings.values)
    owners = {line: first + place for place, each in enumerate(classic) for line in each.lines}
    return replace(
        readings,
        values=np.concatenate((readings.values, np.full(len(classic), math.nan))),
        timestamps=readings.timestamps | _moved(readings.timestamps, owners),
        starts=readings.starts | _moved(readings.starts, owners),
        exemplars=[
            *readings.exemplars,
            *((owners[row], exemplar) for row, exemplar in readings.exemplars if row in owners),
        ],
        histograms=readings.histograms
        | {first + place: each.native(readings.values) for place, each in enumerate(classic)},
    )


def _moved(times: dict[int, int], owners: dict[int, int]) -> dict[int, int]:
    """Return the times of histograms: those of any of their lines."""
    return {owners[row]: time for row, time in times.items() if row in owners}


@dataclass(slots=True)
class _Parts:
    """Samples of one histogram, by bound; the first of each counts."""

    buckets: dict[float, int] = field(default_factory=dict)
    sum_row: int = -1
    count_row: int = -1
    lines: list[int] = field(default_factory=list)


def classic_histograms(parsed: Exposition) -> list[ClassicHistogram]:
    """
    Return the classic histograms of a body whose labels are all known.

    Left out are those that have a native part beside the classic one, and those without a bucket or a count of all observations.
    """
    found: dict[Labels, _Parts] = {}
    native = {_identity(parsed.labels[parsed.series[row]]) for row in parsed.histograms}
    for row, series in enumerate(parsed.series):
        if row not in parsed.histograms:
            _sort_in(found, parsed, parsed.labels[series], row)
    made = (_classic(labels, parts) for labels, parts in found.items() if _identity(labels) not in native)
    return [each for each in made if each is not None]


def _sort_in(found: dict[Labels, _Parts], parsed: Exposition, labels: Labels, row: int) -> None:
    """Give a sample to the histogram whose part it is, if it is one's."""
    name = next(value for label, value in labels if label == METRIC_NAME)
    part = next((part for part in _PARTS if name.endswith(part)), None)
    if part is None:
        return
    notes = parsed.families.get(name.removesuffix(part))
    if notes is None or notes.type != "histogram":
        return
    bound = next((value for label, value in labels if label == _BOUND), None)
    if (part == "_bucket") != (bound is not None):
        return
    own = tuple(
        (label, name.removesuffix(part) if label == METRIC_NAME else value)
        for label, value in labels
        if label != _BOUND
    )
    parts = found.setdefault(_identity(own), _Parts())
    parts.lines.append(row)
    if bound is not None:
        parts.buckets.setdefault(_number(bound), row)
    elif part == "_sum":
        parts.sum_row = row if parts.sum_row < 0 else parts.sum_row
    else:
        parts.count_row = row if parts.count_row < 0 else parts.count_row


def _classic(labels: Labels, parts: _Parts) -> ClassicHistogram | None:
    total = parts.buckets.pop(math.inf, parts.count_row)
    if total < 0 or any(math.isnan(bound) for bound in parts.buckets):
        return None
    bounds = tuple(sorted(parts.buckets))
    rows = np.array([*(parts.buckets[bound] for bound in bounds), total], dtype=np.int64)
    return ClassicHistogram(labels, bounds, rows, parts.sum_row, tuple(parts.lines))


def _identity(labels: Labels) -> Labels:
    return tuple(sorted(labels))


def _number(bound: str) -> float:
    """Return a bound; NaN for what is none, which leaves the histogram as it is."""
    try:
        return float(bound)
    except ValueError:
        return math.nan
