"""
OTLP metrics as rows: which samples of which series each data point is.

The rows of one request are collected in lists; `bongsu.ingest.otlp_metrics` writes them in one batch. A point is taken whole
or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bongsu.ingest import otlp_names as naming
from bongsu.ingest.otlp_delta import DeltaTotals, TooManyStreams
from bongsu.ingest.otlp_points import PointSeries, Unstorable
from bongsu.ingest.otlp_translation import identity_of
from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME, described, series_key
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.wire.otlp.values import (
    ExponentialPoint,
    HistogramPoint,
    MetricKind,
    NumberPoint,
    SummaryPoint,
    Temporality,
)

if TYPE_CHECKING:
    from bongsu.ingest.otlp_translation import Origin, Translation
    from bongsu.model.histograms import Histogram
    from bongsu.wire.otlp.values import Metric, MetricGroup, Point, PointExemplar, Resource

_MAX_EXEMPLAR_CHARACTERS = 128
"""The most that names and values of an exemplar's labels may have together (OpenMetrics 1.0)."""
_REASONS_KEPT = 5
_TARGET_INFO = "target_info"
_TARGET_INFO_EVERY_MS = 150_000
"""Half the default lookback of queries: a join with `target_info` finds it all along a long request."""


_MOST_TARGET_INFO = 100
"""Samples of `target_info` in one request: four hours. One point of long ago must not make millions."""


class Row(NamedTuple):
    """One sample: a number, or a native histogram. `point` numbers the data point it belongs to."""

    key: bytes
    time_ms: int
    value: float | Histogram
    start_ms: int
    point: int


class ExemplarRow(NamedTuple):
    """An exemplar of the series with this key."""

    key: bytes
    exemplar: Exemplar


@dataclass(slots=True)
class Rows:
    """
    What a request becomes.

    Attributes
    ----------
    ends
        Of each metric of each group, how many rows there were after it; those of ``target_info`` are apart, in `infos`.
    """

    rows: list[Row] = field(default_factory=list)
    infos: list[Row] = field(default_factory=list)
    ends: list[list[int]] = field(default_factory=list)
    exemplars: list[ExemplarRow] = field(default_factory=list)
    metadata: dict[MetricMetadata, None] = field(default_factory=dict)
    points: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, reason: str, points: int = 1) -> None:
        """Count points that are left out for one reason."""
        self.refused += points
        if len(self.reasons) < _REASONS_KEPT and reason not in self.reasons:
            self.reasons.append(reason)


class RowBuilder:
    """
    Turns metric groups into rows.

    Parameters
    ----------
    totals
        Of the project's delta streams.
    series
        The project's remembered series keys.
    translation
        How names and labels are made.
    now_ms
        Time of arrival, Unix milliseconds.
    max_ahead_ms
        Points further in the future than this are refused: a wrong clock must not blind queries.
    """

    def __init__(
        self,
        totals: DeltaTotals,
        series: PointSeries,
        translation: Translation,
        *,
        now_ms: int,
        max_ahead_ms: int,
    ) -> None:
        self._totals = totals
        self._series = series
        self._translation = translation
        self._style = translation.style
        self._now_ms = now_ms
        self._latest_ms = now_ms + max_ahead_ms
        self.rows = Rows()

    def add(self, group: MetricGroup, beside: tuple[int, int] | None = None) -> None:
        """
        Add the metrics of one scope of one resource.

        Parameters
        ----------
        beside
            First and last time of points of the group that are written without these.
        """
        origin = self._translation.origin(group.resource, group.scope)
        first = len(self.rows.rows)
        ends: list[int] = []
        self.rows.ends.append(ends)
        for metric in group.metrics:
            self._add_metric(origin, metric)
            ends.append(len(self.rows.rows))
        times = [*(beside or ()), *(row.time_ms for row in self.rows.rows[first:])]
        if times:
            self._add_target_info(group.resource, min(times), max(times))

    def _add_metric(self, origin: Origin, metric: Metric) -> None:
        name = naming.metric_name(
            metric.name, metric.unit, metric.kind, monotonic=metric.monotonic, style=self._style
        )
        if not name:
            self.rows.refuse(
                f"metric name {metric.name[:80]!r} has no letter or digit; give it one", len(metric.points)
            )
            return
        cumulative = (
            metric.kind in {MetricKind.GAUGE, MetricKind.SUMMARY}
            or metric.temporality == Temporality.CUMULATIVE
        )
        if not cumulative and metric.temporality != Temporality.DELTA:
            self.rows.refuse(
                f"metric {metric.name!r} has no temporality; set aggregationTemporality to delta or cumulative",
                len(metric.points),
            )
            return
        metadata = _metadata(name, metric)
        if self._translation.describes:
            origin = origin._replace(strong=described(origin.strong, metadata.type, metadata.unit))
        taken = self.rows.refused
        for point in metric.points:
            try:
                self._add_point(origin, name, metric, point, cumulative=cumulative)
            except (Unstorable, InvalidInput) as error:
                self.rows.refuse(f"metric {metric.name!r}: {error}")
        if self.rows.refused - taken < len(metric.points):
            self.rows.metadata[metadata] = None

    def _add_point(
        self, origin: Origin, name: str, metric: Metric, point: Point, *, cumulative: bool
    ) -> None:
        time_ms = point.time_ns // 1_000_000
        if time_ms == 0:
            raise Unstorable("a point has no time; set timeUnixNano")
        if time_ms > self._latest_ms:
            raise Unstorable(
                f"a point is {(time_ms - self._now_ms) // 1000} s ahead of the server's clock; set the sender's clock"
            )
        if not cumulative:
            point = self._accumulated(origin, metric, point)
        start_ms, number = point.start_ns // 1_000_000, self.rows.points
        keys = self._series.keys_of(name, origin, point)
        rows = [
            Row(key, time_ms, value, start_ms, number)
            for key, value in zip(keys, self._series.values_of(point), strict=True)
        ]
        self.rows.points += 1
        self.rows.rows += rows
        if not isinstance(point, SummaryPoint) and point.exemplars:
            self._add_exemplars(rows, point)

    def _accumulated(self, origin: Origin, metric: Metric, point: Point) -> Point:
        attributes = naming.labels_of(point.attributes, self._style)
        stream = (metric.name, metric.unit, metric.kind, origin, *attributes.items())
        try:
            total = self._totals.add(stream, point, self._now_ms)
        except TooManyStreams:
            raise Unstorable(
                "too many streams in delta temporality; send cumulative ones, or raise the setting "
                "'otlp.max_delta_streams'"
            ) from None
        if total is None:
            raise Unstorable("a delta point is older than one before it; send delta points in order of time")
        return total

    def _add_exemplars(self, rows: list[Row], point: NumberPoint | HistogramPoint | ExponentialPoint) -> None:
        for exemplar in point.exemplars:
            row = rows[0]
            if isinstance(point, HistogramPoint) and len(rows) > 1:
                # A histogram's bucket rows come first, in order of their bounds.
                bucket = sum(1 for bound in point.bounds if exemplar.value > bound)
                row = rows[bucket]
            self.rows.exemplars.append(ExemplarRow(row.key, stored_exemplar(exemplar)))

    def _add_target_info(self, resource: Resource, first_ms: int, last_ms: int) -> None:
        """Add the resource's other attributes as one series, where it can be joined and there is something to join."""
        key = info_key(self._translation, resource)
        if key is None:
            return
        self.rows.infos += [Row(key, time_ms, 1.0, 0, -1) for time_ms in info_times(first_ms, last_ms)]
        self.rows.metadata[
            MetricMetadata(_TARGET_INFO, "gauge", "Attributes of the resource that sends metrics.")
        ] = None


def info_key(translation: Translation, resource: Resource) -> bytes | None:
    """Return the key of a resource's ``target_info``; None where nothing can be joined with it, or it says nothing."""
    identity = identity_of(resource)
    labels = translation.info_labels(resource)
    if not identity or not labels or not translation.joins(resource):
        return None
    return series_key({**labels, **dict(identity), METRIC_NAME: _TARGET_INFO})


def info_times(first_ms: int, last_ms: int) -> list[int]:
    """Return when ``target_info`` has samples beside points of these times."""
    first_ms = max(first_ms, last_ms - _MOST_TARGET_INFO * _TARGET_INFO_EVERY_MS)
    return sorted({last_ms, *range(first_ms, last_ms, _TARGET_INFO_EVERY_MS)})


def stored_exemplar(exemplar: PointExemplar) -> Exemplar:
    """Return an exemplar with its trace; its attributes only as far as they fit."""
    ids = {"trace_id": exemplar.trace_id.hex(), "span_id": exemplar.span_id.hex()}
    labels = {key: value for key, value in ids.items() if value}
    room = _MAX_EXEMPLAR_CHARACTERS - sum(len(k) + len(v) for k, v in labels.items())
    for key, value in naming.labels_of(exemplar.attributes).items():
        room -= len(key) + len(value)
        if room < 0:
            break
        labels.setdefault(key, value)
    return Exemplar(tuple(sorted(labels.items())), exemplar.value, exemplar.time_ns // 1_000_000)


def _metadata(name: str, metric: Metric) -> MetricMetadata:
    match metric.kind:
        case MetricKind.SUM:
            kind = "counter" if metric.monotonic else "gauge"
        case MetricKind.HISTOGRAM | MetricKind.EXPONENTIAL:
            kind = "histogram"
        case MetricKind.SUMMARY:
            kind = "summary"
        case _:
            kind = "gauge"
    return MetricMetadata(name, kind, metric.description, naming.unit_word(metric.unit))
