"""
A data point as samples: the series that it has, and the value of each, in the same order.

Series keys cost most of the work and come again with every report, so they are remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from bongsu.ingest import otlp_names as naming
from bongsu.ingest.otlp_histograms import native_buckets, native_histogram
from bongsu.model.labels import METRIC_NAME, series_key
from bongsu.model.samples import STALE_NAN
from bongsu.wire.otlp.values import ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from bongsu.ingest.otlp_translation import Origin
    from bongsu.model.histograms import Histogram
    from bongsu.wire.otlp.values import Attributes, Point

_REMEMBERED_POINTS = 50_000
"""Of each project; a histogram's sixteen keys take about 3 KB, a number's one 200 bytes. A full memory is only emptied."""

_SCALARS = (str, bool, int, float, type(None))
_INFINITY = float("inf")


class Unstorable(Exception):
    """A data point cannot be stored. Never leaves the package."""


class PointSeries:
    """
    The series of data points, their keys remembered. May be used from any thread.

    Parameters
    ----------
    style
        How names are written.
    native_buckets
        Histograms with given bounds become native ones.
    """

    def __init__(self, style: naming.NameStyle = naming.STANDARD, *, native_buckets: bool = False) -> None:
        self._style = style
        self._native_buckets = native_buckets
        self._known: dict[Hashable, tuple[bytes, ...]] = {}

    def keys_of(self, name: str, origin: Origin, point: Point) -> tuple[bytes, ...]:
        """
        Return the key of each series of a point.

        Parameters
        ----------
        name
            The metric's name in Prometheus' form.
        origin
            Labels that all points of the resource and scope have.
        """
        identity = _identity(point.attributes)
        memory = None if identity is None else (name, origin, identity, self._layout(point))
        keys = self._known.get(memory)
        if keys is None:
            own = naming.labels_of(point.attributes, self._style)
            labels = {**dict(origin.weak), **own, **dict(origin.strong)}
            keys = tuple(
                series_key({**each, METRIC_NAME: each_name})
                for each_name, each in self._series(name, labels, point)
            )
            if memory is not None:
                if len(self._known) >= _REMEMBERED_POINTS:
                    self._known = {}
                self._known[memory] = keys
        return keys

    def values_of(self, point: Point) -> list[float | Histogram]:
        """
        Return the value of each series of a point; all are stale markers where the point has no value.

        Raises
        ------
        Unstorable
            If a histogram has no native counterpart.
        """
        if isinstance(point, NumberPoint):
            return [STALE_NAN if point.absent else float(point.value)]
        if isinstance(point, ExponentialPoint):
            histogram = native_histogram(point)
            if isinstance(histogram, str):
                raise Unstorable(histogram)
            return [histogram]
        if self._is_native(point):
            return [native_buckets(point)]
        values = _histogram_values(point) if isinstance(point, HistogramPoint) else _summary_values(point)
        return [STALE_NAN] * len(values) if point.absent else [*values]

    def _series(
        self, name: str, labels: dict[str, str], point: Point
    ) -> Iterator[tuple[str, dict[str, str]]]:
        if self._is_native(point) or isinstance(point, NumberPoint | ExponentialPoint):
            yield name, labels
        elif isinstance(point, HistogramPoint):
            yield from _bucket_series(name, labels, point)
        else:
            for quantile, _ in point.quantiles:
                yield name, {**labels, "quantile": naming.bound_text(quantile)}
            yield f"{name}_sum", labels
            yield f"{name}_count", labels

    def _layout(self, point: Point) -> Hashable:
        """Return what of a point, beside name and labels, decides its series."""
        if isinstance(point, HistogramPoint):
            return None if self._native_buckets else (point.bounds, point.sum is None)
        return tuple(quantile for quantile, _ in point.quantiles) if isinstance(point, SummaryPoint) else None

    def _is_native(self, point: Point) -> TypeGuard[HistogramPoint]:
        return self._native_buckets and isinstance(point, HistogramPoint)


def _histogram_values(point: HistogramPoint) -> list[float]:
    values: list[float] = []
    running = 0
    for count in point.counts[: len(point.bounds)]:
        running += count
        values.append(float(running))
    if _needs_last_bucket(point):
        values.append(float(point.observations))
    if point.sum is not None:
        values.append(point.sum)
    values.append(float(point.observations))
    return values


def _summary_values(point: SummaryPoint) -> list[float]:
    return [*(value for _, value in point.quantiles), point.sum, float(point.observations)]


def _bucket_series(
    name: str, labels: dict[str, str], point: HistogramPoint
) -> Iterator[tuple[str, dict[str, str]]]:
    for bound in point.bounds:
        yield f"{name}_bucket", {**labels, "le": naming.bound_text(bound)}
    if _needs_last_bucket(point):
        yield f"{name}_bucket", {**labels, "le": "+Inf"}
    if point.sum is not None:
        yield f"{name}_sum", labels
    yield f"{name}_count", labels


def _needs_last_bucket(point: HistogramPoint) -> bool:
    return not point.bounds or point.bounds[-1] != _INFINITY


def _identity(attributes: Attributes) -> Hashable | None:
    """Return attributes as a key that tells 1 from True, or None where one is no scalar."""
    values = attributes.values()
    if not all(isinstance(value, _SCALARS) for value in values):
        return None
    return (*attributes.items(), *map(type, values))
