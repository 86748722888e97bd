"""OTLP metrics into a project's store: one batch per request, durable before the answer."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bongsu.ingest.otlp_delta import DeltaTotals
from bongsu.ingest.otlp_known import KnownGroup, KnownPoints
from bongsu.ingest.otlp_points import PointSeries
from bongsu.ingest.otlp_rows import Row, RowBuilder, info_key, info_times
from bongsu.ingest.otlp_translation import Translation
from bongsu.model.samples import HistogramRows, SampleBatch
from bongsu.storage.contract import REFUSED, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bongsu.ingest.otlp_known import KnownRequest
    from bongsu.ingest.otlp_rows import ExemplarRow, Rows
    from bongsu.model.samples import MetricMetadata
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore
    from bongsu.wire.otlp.points import Points
    from bongsu.wire.otlp.values import MetricBatch

_CACHED_REFS = 200_000
"""Series references kept for each project, about 30 MB when full; a full cache is only emptied."""
_KNOWN_METADATA = 10_000
"""Metadata entries that are remembered as already put, for each project."""


@dataclass(frozen=True, slots=True)
class OtlpIngestSettings:
    """
    How OTLP metrics are taken; each is a setting of the same name in the `otlp` section.

    Attributes
    ----------
    max_ahead_ms
        Points further ahead of the server's clock are refused: a wrong clock must not blind queries. As Prometheus.
    max_delta_streams
        Streams in delta temporality whose running totals are kept for each project; one takes about 500 bytes.
    delta_forget_ms
        A delta stream without points for this long begins anew.
    start_timestamps
        Store the start time of cumulative points beside each sample.
    translation
        How names and labels are made.
    """

    max_ahead_ms: int = 600_000
    max_delta_streams: int = 100_000
    delta_forget_ms: int = 3_600_000
    start_timestamps: bool = False
    translation: Translation = field(default_factory=Translation)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a request: data points that were not taken, and why the first of them were not."""

    points: int
    refused: int = 0
    reasons: tuple[str, ...] = ()


class OtlpMetricsWriter:
    """
    Writes the OTLP metrics of one project. May be used from any thread.

    Parameters
    ----------
    store
        The project's.
    """

    def __init__(self, store: ProjectStore, settings: OtlpIngestSettings) -> None:
        self._store = store
        self._settings = settings
        self._totals = DeltaTotals(settings.max_delta_streams, settings.delta_forget_ms)
        translation = settings.translation
        self._series = PointSeries(translation.style, native_buckets=translation.convert_histograms_to_nhcb)
        self._refs: dict[bytes, int] = {}
        self._described: set[MetricMetadata] = set()
        self._known = KnownPoints()

    def find(self, points: Points, *, now_ms: int) -> KnownRequest | None:
        """Return a request that `write_known` can write: of known series, but for what is not plain."""
        if points.has_histograms and self._settings.translation.convert_histograms_to_nhcb:
            return None
        if not len(points.times) or points.times.max() > now_ms + self._settings.max_ahead_ms:
            return None
        return self._known.find(points)

    def write_known(self, request: KnownRequest, *, now_ms: int) -> Written | None:
        """
        Write a request of known series as `write` does; None where that must tell what was refused, or find series again.

        What is stored already does no harm then: it is met again as an exact repetition.
        """
        points = request.points
        infos = [
            (self._refs.get(key, REFUSED), time_ms)
            for key, span in request.infos()
            for time_ms in info_times(*span)
        ]
        if any(ref == REFUSED for ref, _ in infos):
            return None
        starts = np.concatenate((points.starts, np.zeros(len(infos), dtype=np.int64)))
        result = self._store.append(
            SampleBatch(
                np.concatenate((request.refs, _int64([ref for ref, _ in infos]))),
                np.concatenate((points.times, _int64([time_ms for _, time_ms in infos]))),
                np.concatenate((points.values, np.ones(len(infos)))),
                starts if self._settings.start_timestamps else None,
            )
        )
        if result.rejections:
            return None
        if request.details.exemplars:
            self._store.put_exemplars(*request.exemplars())
        others = self._write_others(request, now_ms)
        return Written(request.data_points + others.points, others.refused, others.reasons)

    def _write_others(self, request: KnownRequest, now_ms: int) -> Written:
        """Write the metrics of a known request that are not plain."""
        if not request.details.others:
            return Written(0)
        builder = self._builder(now_ms)
        for group, beside in request.others():
            builder.add(group, beside)
        return self._write_rows(builder.rows)

    def write(self, batch: MetricBatch, *, now_ms: int, points: Points | None = None) -> Written:
        """
        Write a request and return when it is durable.

        Parameters
        ----------
        points
            The same request, if its resources and scopes are plain: the next one like it is then known.

        Raises
        ------
        StoreReadOnly, StoreClosed
            As the store does; the request may be sent again.
        """
        builder = self._builder(now_ms)
        for group in batch.groups:
            builder.add(group)
        written = self._write_rows(builder.rows)
        if points is not None and len(points.groups) == len(batch.groups):
            self._learn(points, batch, builder.rows)
        return written

    def _builder(self, now_ms: int) -> RowBuilder:
        settings = self._settings
        return RowBuilder(
            self._totals,
            self._series,
            settings.translation,
            now_ms=now_ms,
            max_ahead_ms=settings.max_ahead_ms,
        )

    def _write_rows(self, rows: Rows) -> Written:
        refused_points = self._append(rows)
        self._put_metadata(rows)
        self._put_exemplars(rows.exemplars)
        return Written(
            rows.points - len(refused_points), rows.refused + len(refused_points), tuple(rows.reasons)
        )

    def _learn(self, points: Points, batch: MetricBatch, rows: Rows) -> None:
        """Remember the series of plain metrics; the store may have refused samples."""
        translation = self._settings.translation
        self._known.learn(
            points,
            _int64([self._refs.get(row.key, REFUSED) for row in rows.rows]),
            rows.ends,
            [
                KnownGroup(group.resource, group.scope, info_key(translation, group.resource))
                for group in batch.groups
            ],
        )

    def _append(self, rows: Rows) -> set[int]:
        """Append all rows; return the points that lost a row to the store's refusal."""
        everything = (*rows.rows, *rows.infos)
        if not everything:
            return set()
        numbers = [row for row in everything if isinstance(row.value, float)]
        histograms = [row for row in everything if not isinstance(row.value, float)]
        refused: set[int] = set()
        pending = [*numbers, *histograms]
        for attempt in range(2):
            refs = self._resolve(pending, rows, refused)
            kept = [(row, ref) for row, ref in zip(pending, refs, strict=True) if ref != REFUSED]
            result = self._store.append(self._batch(kept))
            pending = []
            for rejection in result.rejections:
                row = kept[rejection.row][0]
                if rejection.reason is Reason.UNKNOWN_SERIES and attempt == 0:
                    # Retention or deletion removed the series: resolve it again, once.
                    self._refs.pop(row.key, None)
                    pending.append(row)
                else:
                    self._refuse(row, rejection.message, rows, refused)
            if not pending:
                break
            pending.sort(
                key=lambda row: not isinstance(row.value, float)
            )  # as a store numbers its rejections
        return refused

    def _batch(self, rows: Sequence[tuple[Row, int]]) -> SampleBatch:
        numbers = [(row, ref) for row, ref in rows if isinstance(row.value, float)]
        natives = [(row, ref) for row, ref in rows if not isinstance(row.value, float)]
        return SampleBatch(
            refs=_int64([ref for _, ref in numbers]),
            timestamps=_int64([row.time_ms for row, _ in numbers]),
            values=np.array([row.value for row, _ in numbers], dtype=np.float64),
            starts=self._starts([row for row, _ in numbers]),
            histograms=HistogramRows(
                refs=_int64([ref for _, ref in natives]),
                timestamps=_int64([row.time_ms for row, _ in natives]),
                values=tuple(row.value for row, _ in natives if not isinstance(row.value, float)),
                starts=self._starts([row for row, _ in natives]),
            ),
        )

    def _starts(self, rows: Sequence[Row]) -> NDArray[np.int64] | None:
        return _int64([row.start_ms for row in rows]) if self._settings.start_timestamps else None

    def _resolve(self, pending: Sequence[Row], rows: Rows, refused: set[int]) -> list[int]:
        """Return a reference for each row; new series are made, refused ones counted."""
        known = self._refs
        missing = [row for row in pending if row.key not in known]
        if missing:
            if len(known) + len(missing) > _CACHED_REFS:
                known = self._refs = {}
                missing = list(pending)
            keys = list(dict.fromkeys(row.key for row in missing))
            resolution = self._store.resolve(keys)
            texts = {keys[rejection.row]: rejection.message for rejection in resolution.rejections}
            fresh = dict(zip(keys, resolution.refs.tolist(), strict=True))
            # Refused series are asked for again next time: a raised limit then helps at once.
            known.update((key, ref) for key, ref in fresh.items() if ref != REFUSED)
            for row in missing:
                if fresh[row.key] == REFUSED:
                    self._refuse(row, texts.get(row.key, "the store refused the series"), rows, refused)
        return [known.get(row.key, REFUSED) for row in pending]

    def _refuse(self, row: Row, message: str, rows: Rows, refused: set[int]) -> None:
        if row.point >= 0:
            refused.add(row.point)
        rows.refuse(message, 0)

    def _put_metadata(self, rows: Rows) -> None:
        fresh = [entry for entry in rows.metadata if entry not in self._described]
        if fresh:
            self._store.put_metadata(fresh)
            if len(self._described) > _KNOWN_METADATA:
                self._described.clear()
            self._described.update(fresh)

    def _put_exemplars(self, exemplars: Sequence[ExemplarRow]) -> None:
        found = [(self._refs[row.key], row.exemplar) for row in exemplars if row.key in self._refs]
        if found:
            self._store.put_exemplars([ref for ref, _ in found], [exemplar for _, exemplar in found])


class OtlpMetricsIngest:
    """
    The writers of all projects. May be used from any thread.

    Parameters
    ----------
    store_of
        Returns the store of a project; raises NotFound when there is no such project any more.
    """

    def __init__(
        self, settings: OtlpIngestSettings, *, store_of: Callable[[str], ProjectStore], clock: Clock
    ) -> None:
        self._settings = settings
        self._store_of = store_of
        self._clock = clock
        self._lock = threading.Lock()
        self._writers: dict[str, OtlpMetricsWriter] = {}
        self.seeds = np.array([secrets.randbits(64), secrets.randbits(64)], dtype=np.uint64)
        """Of the hashes by which points are known again."""

    def write(self, project_id: str, batch: MetricBatch, points: Points | None = None) -> Written:
        """Write the metrics of a request; raises as `OtlpMetricsWriter.write`, and NotFound for a project that is gone."""
        return self._writer(project_id).write(batch, now_ms=self._clock.now_ms(), points=points)

    def find(self, project_id: str, points: Points) -> KnownRequest | None:
        """Return a request that `write_known` can write, None for any other; raises NotFound for a project that is gone."""
        return self._writer(project_id).find(points, now_ms=self._clock.now_ms())

    def write_known(self, project_id: str, request: KnownRequest) -> Written | None:
        """Write a request that `find` found for the same project; None where `write` must."""
        return self._writer(project_id).write_known(request, now_ms=self._clock.now_ms())

    def drop_project(self, project_id: str) -> None:
        """Forget a project that was removed."""
        with self._lock:
            self._writers.pop(project_id, None)

    def _writer(self, project_id: str) -> OtlpMetricsWriter:
        writer = self._writers.get(project_id)
        if writer is None:
            store = self._store_of(project_id)
            with self._lock:
                writer = self._writers.setdefault(project_id, OtlpMetricsWriter(store, self._settings))
        return writer


def _int64(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
