"""
The in-memory reference store: the contract in its plainest form, nothing durable.

Every engine is compared with it, and tests of query code run on it. It is written to be believed at sight, not to be fast.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from bongsu.model.label_columns import LabelColumns
from bongsu.model.labels import key_labels
from bongsu.storage.changes import ChangeLog
from bongsu.storage.contract import (
    REFUSED,
    AppendResult,
    Changes,
    ChunkView,
    ExemplarRows,
    ProjectStore,
    Rejection,
    Resolution,
    StoreOptions,
    StoreStats,
)
from bongsu.storage.errors import StoreClosed
from bongsu.storage.histograms import encode_histogram, histogram_fault
from bongsu.storage.limits import refuse_labels
from bongsu.storage.matching import match_rows
from bongsu.storage.raw import Sample, chunks_of_samples, raw_chunk, view_of_chunks
from bongsu.storage.refusals import (
    HistogramFault,
    refuse_duplicate,
    refuse_histogram,
    refuse_reference,
    value_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch


@dataclass(slots=True)
class _Series:
    key: bytes
    labels: dict[str, str]
    samples: dict[int, Sample] = field(default_factory=dict)
    exemplars: list[Exemplar] = field(default_factory=list)


class MemorySelection:
    """Selected series with a copy of their samples as raw chunks, one per series."""

    def __init__(self, labels: LabelColumns, samples: list[list[Sample]]) -> None:
        self._labels = labels
        self._samples = samples

    @property
    def labels(self) -> LabelColumns:
        """Labels of the series."""
        return self._labels

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Samples of each series."""
        return np.array([len(samples) for samples in self._samples], dtype=np.int64)

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return raw chunks, one for each run of floats or histograms."""
        return view_of_chunks([chunks_of_samples(row) for row in self._samples[start_row:stop_row]])

    def close(self) -> None:
        """Do nothing: a copy holds nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def raw_chunks(
    timestamps: Sequence[NDArray[np.int64]],
    values: Sequence[NDArray[np.float64]],
    starts: Sequence[NDArray[np.int64]] | None = None,
) -> ChunkView:
    """Return a view with one raw float chunk for each row that has samples; start timestamps only where any is known."""
    return view_of_chunks(
        [
            [raw_chunk(times, None if starts is None else starts[i], values[i])] if len(times) else []
            for i, times in enumerate(timestamps)
        ]
    )


class MemoryProjectStore:
    """One project's series in dictionaries. Every method holds one lock."""

    def __init__(self, options: StoreOptions | None = None) -> None:
        self.options = options or StoreOptions(retention_ms=0)
        self._lock = threading.RLock()
        self._series: list[_Series] = []
        self._refs: dict[bytes, int] = {}
        self._metadata: dict[str, list[MetricMetadata]] = {}
        self._sequence = 0
        self._changes = ChangeLog()
        self._closed = False

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key."""
        with self._open():
            refs = np.full(len(keys), REFUSED, dtype=np.int64)
            rejections: list[Rejection] = []
            for row, key in enumerate(keys):
                ref = self._refs.get(key)
                if ref is None:
                    refusal = refuse_labels(row, key, len(self._series), self.options.limits)
                    if refusal is not None:
                        rejections.append(refusal)
                        continue
                    ref = self._refs[key] = len(self._series)
                    self._series.append(_Series(key, key_labels(key)))
                refs[row] = ref
            return Resolution(refs, tuple(rejections))

    def append(self, batch: SampleBatch) -> AppendResult:
        """Write a batch into memory."""
        with self._open():
            rejections: list[Rejection] = []
            times = [*batch.timestamps.tolist(), *batch.histograms.timestamps.tolist()]
            if times:
                self._changes.note(min(times))
            for row, (ref, sample) in enumerate(_batch_samples(batch)):
                refusal = self._put(row, ref, sample, overwrite=batch.overwrite)
                if refusal is not None:
                    rejections.append(refusal)
            self._sequence += 1
            return AppendResult(len(batch) - len(rejections), self._sequence, tuple(rejections))

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics."""
        with self._open():
            for entry in entries:
                known = self._metadata.setdefault(entry.name, [])
                if entry in known:
                    known.remove(entry)
                known.insert(0, entry)

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        with self._open():
            return {name: tuple(known) for name, known in sorted(self._metadata.items())}

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference."""
        with self._open():
            added = 0
            for ref, exemplar in zip(refs, exemplars, strict=True):
                kept = self._series[ref].exemplars
                if exemplar not in kept:
                    kept.append(exemplar)
                    added += 1
            return added

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        with self._open():
            labels, rows = self._matching(selectors)
            found = [
                sorted(
                    (e for e in self._series[r].exemplars if start_ms <= e.timestamp <= end_ms),
                    key=lambda e: e.timestamp,
                )
                for r in rows
            ]
            kept = np.array([i for i, exemplars in enumerate(found) if exemplars], dtype=np.int64)
            return ExemplarRows(labels.take(kept), [found[i] for i in kept])

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> MemorySelection:
        """Return the matching series with samples in the range."""
        with self._open():
            labels, rows = self._matching([matchers])
            samples = [_in_range(self._series[r].samples, start_ms, end_ms) for r in rows]
            kept = np.array([i for i, row in enumerate(samples) if row], dtype=np.int64)
            return MemorySelection(labels.take(kept), [samples[i] for i in kept])

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        return list(self.series(selectors, start_ms, end_ms).names)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        column = self.series(selectors, start_ms, end_ms).get(name)
        return [] if column is None else sorted(column.compacted().values)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series with samples in the range."""
        with self._open():
            labels, rows = self._matching(selectors)
            kept = [any(start_ms <= t <= end_ms for t in self._series[r].samples) for r in rows]
            return labels.take(np.array(kept, dtype=np.bool_))

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Remove the samples of the matching series in the range."""
        with self._open():
            self._changes.note(start_ms)
            for row in self._matching(selectors)[1]:
                samples = self._series[row].samples
                for timestamp in [t for t in samples if start_ms <= t <= end_ms]:
                    del samples[timestamp]
            self._sequence += 1
            return self._sequence

    def changes(self, since: int | None) -> Changes:
        """Return what changed since an earlier look."""
        with self._open():
            return self._changes.since(since)

    def stats(self) -> StoreStats:
        """Return the size of the store."""
        with self._open():
            times = [t for series in self._series for t in series.samples]
            live = sum(1 for series in self._series if series.samples)
            return StoreStats(live, len(times), live, 0, min(times, default=None), max(times, default=None))

    def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    def _open(self) -> threading.RLock:
        if self._closed:
            raise StoreClosed
        return self._lock

    def _matching(self, selectors: Sequence[Sequence[Matcher]]) -> tuple[LabelColumns, list[int]]:
        labels = LabelColumns.from_maps([series.labels for series in self._series])
        kept = (
            np.zeros(len(self._series), dtype=np.bool_)
            if selectors
            else np.ones(len(self._series), dtype=np.bool_)
        )
        for matchers in selectors:
            kept |= match_rows(labels, matchers)
        return labels.take(kept), np.flatnonzero(kept).tolist()

    def _put(
        self, row: int, ref: int, sample: Sample | HistogramFault, *, overwrite: bool
    ) -> Rejection | None:
        if not 0 <= ref < len(self._series):
            return refuse_reference(row, ref)
        series = self._series[ref]
        if isinstance(sample, HistogramFault):
            return refuse_histogram(row, series.labels, sample)
        known = series.samples.get(sample.timestamp)
        if known is None or overwrite:
            series.samples[sample.timestamp] = sample
        elif value_bytes(known.value) != value_bytes(sample.value):
            return refuse_duplicate(row, series.labels, known, sample)
        return None


def _batch_samples(batch: SampleBatch) -> Iterator[tuple[int, Sample | HistogramFault]]:
    starts = np.zeros(len(batch.refs), dtype=np.int64) if batch.starts is None else batch.starts
    rows = zip(batch.timestamps.tolist(), batch.values.tolist(), starts.tolist(), strict=True)
    yield from zip(batch.refs.tolist(), itertools.starmap(Sample, rows), strict=True)
    histograms = batch.histograms
    starts = (
        np.zeros(len(histograms.refs), dtype=np.int64) if histograms.starts is None else histograms.starts
    )
    for ref, time, value, start in zip(
        histograms.refs.tolist(),
        histograms.timestamps.tolist(),
        histograms.values,
        starts.tolist(),
        strict=True,
    ):
        fault = histogram_fault(value)
        yield (
            ref,
            Sample(time, encode_histogram(value), start) if fault is None else HistogramFault(time, fault),
        )


class MemoryStore:
    """A `Store` of in-memory projects."""

    def __init__(self) -> None:
        self._projects: dict[str, MemoryProjectStore] = {}

    def project(self, project_id: str, options: StoreOptions) -> ProjectStore:
        """Return the view of one project, made when it is new."""
        view = self._projects.setdefault(project_id, MemoryProjectStore(options))
        view.options = options
        return view

    def project_ids(self) -> list[str]:
        """Return the ids of all projects."""
        return list(self._projects)

    def drop_project(self, project_id: str) -> None:
        """Remove all data of a project."""
        view = self._projects.pop(project_id, None)
        if view is not None:
            view.close()

    def close(self) -> None:
        """Close every view."""
        for view in self._projects.values():
            view.close()


def _in_range(samples: Mapping[int, Sample], start_ms: int, end_ms: int) -> list[Sample]:
    """Return the samples in the range, and the histogram before the first one if that is one too: it tells of resets."""
    times = sorted(t for t in samples if t <= end_ms)
    first = bisect.bisect_left(times, start_ms)
    if 0 < first < len(times):
        before, after = samples[times[first - 1]], samples[times[first]]
        first -= isinstance(before.value, bytes) and isinstance(after.value, bytes)
    return [samples[t] for t in times[first:]]
