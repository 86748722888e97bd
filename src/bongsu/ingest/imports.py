"""From the lines of an import to durable samples: the good ones are stored, the others are named by their line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from prometheus_client import Counter

from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME, format_labels, series_key
from bongsu.model.samples import Exemplar, HistogramRows, SampleBatch
from bongsu.storage.contract import REFUSED, Reason
from bongsu.storage.limits import shorten
from bongsu.wire.archive.batch import LineFault, ints

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from prometheus_client import CollectorRegistry

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore, Rejection
    from bongsu.wire.archive.batch import HistogramLine, LineBatch

_MAX_AHEAD_MS = 600_000
"""As remote write: samples further ahead of the server's clock are refused."""

MAX_FAULTS = 100
"""Faults that are kept word by word; all of them are counted."""


class ImportMetrics:
    """Counters of imports, for all projects together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.written = Counter("bongsu_import_written_total", "Imported samples.", registry=registry)
        self.refused = Counter(
            "bongsu_import_refused_total",
            "Lines and samples that were refused, by error id.",
            ["reason"],
            registry=registry,
        )


@dataclass(slots=True)
class ImportOutcome:
    """
    What came of some lines, or of a whole import.

    Attributes
    ----------
    written
        Samples that are stored now, durably; repetitions of stored ones included.
    refused
        Samples that are not, and lines that could not be read.
    faults
        The first few reasons, by line.
    """

    written: int = 0
    refused: int = 0
    faults: list[LineFault] = field(default_factory=list)

    def add(self, other: ImportOutcome) -> None:
        """Count another part of the same import."""
        self.written += other.written
        self.refused += other.refused
        self.faults += other.faults[: MAX_FAULTS - len(self.faults)]

    @property
    def message(self) -> str:
        """What a sender should read; empty when nothing was refused."""
        if not self.refused:
            return ""
        shown = "; ".join(f"line {fault.line}: {fault.message}" for fault in self.faults[:_SHOWN_FAULTS])
        return f"{self.refused} of {self.written + self.refused} samples or lines were refused: {shown}"


_SHOWN_FAULTS = 5


class _Rows(NamedTuple):
    """Rows of a batch that may be stored: floats by their place, and histograms."""

    floats: NDArray[np.int64]
    histograms: list[HistogramLine]


class Importer:
    """
    Writes batches of lines into the store of one project. Any thread may use it.

    Parameters
    ----------
    overwrite
        A sample at a timestamp that already has another value replaces it, instead of being refused.
    """

    def __init__(
        self, store: ProjectStore, clock: Clock, metrics: ImportMetrics, *, overwrite: bool = False
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._overwrite = overwrite

    def write(self, batch: LineBatch) -> ImportOutcome:
        """
        Store what is good of a batch and return when that is durable.

        Raises
        ------
        Unavailable
            If the store takes no writes; nothing of the batch is acknowledged.
        LimitExceeded
            If the project's rate of samples is used up; nothing of the batch is stored, and the same batch may be sent again.
        """
        outcome = ImportOutcome()
        self._refuse(outcome, batch.faults)
        refs = self._resolve(batch, outcome)
        rows = self._in_time(batch, refs, outcome)
        if len(rows.floats) or rows.histograms:
            rejections = self._append(batch, refs, rows)
            if any(rejection.reason is Reason.UNKNOWN_SERIES for rejection in rejections):
                # Series left the store meanwhile. What was stored just now is met again as an exact repetition.
                refs = self._resolve(batch, ImportOutcome())
                rejections = self._append(batch, refs, rows)
            lines = _line_numbers(batch, rows)
            self._refuse(outcome, [LineFault(lines[r.row], r.reason.value, r.message) for r in rejections])
            outcome.written = len(lines) - len(rejections)
        self._put_notes(batch, refs)
        self._metrics.written.inc(outcome.written)
        return outcome

    def _resolve(self, batch: LineBatch, outcome: ImportOutcome) -> NDArray[np.int64]:
        """Return a reference per label set of the batch; the samples of those that are refused are told."""
        keys: list[bytes] = []
        places: list[int] = []
        refused: dict[int, tuple[str, str]] = {}
        for place, labels in enumerate(batch.labels):
            try:
                keys.append(_key(labels))
                places.append(place)
            except InvalidInput as error:
                refused[place] = (error.id, error.message)
        resolution = self._store.resolve(keys)
        for rejection in resolution.rejections:
            refused[places[rejection.row]] = (rejection.reason.value, rejection.message)
        refs = np.full(len(batch.labels), REFUSED, dtype=np.int64)
        refs[places] = resolution.refs
        if refused:
            self._refuse(outcome, _faults_of_series(batch, refused))
        return refs

    def _in_time(self, batch: LineBatch, refs: NDArray[np.int64], outcome: ImportOutcome) -> _Rows:
        latest = self._clock.now_ms() + _MAX_AHEAD_MS
        good = refs[batch.series] != REFUSED if len(batch.series) else np.zeros(0, dtype=np.bool_)
        ahead = good & (batch.timestamps > latest)
        histograms = [h for h in batch.histograms if refs[h.series] != REFUSED]
        late = [(int(batch.lines[i]), int(batch.timestamps[i])) for i in np.flatnonzero(ahead).tolist()]
        late += [(h.line, h.timestamp) for h in histograms if h.timestamp > latest]
        self._refuse(
            outcome,
            [
                LineFault(
                    line,
                    "too-far-in-future",
                    f"out of bounds: the time {time} is more than {_MAX_AHEAD_MS // 60_000} minutes ahead of the server; "
                    "timestamps are Unix milliseconds in JSON lines and Prometheus text, and seconds in OpenMetrics",
                )
                for line, time in late
            ],
        )
        kept = np.flatnonzero(good & ~ahead)
        # By time, so that the series of a batch grow together: a store seals the full ones of many series at once.
        kept = kept[np.argsort(batch.timestamps[kept], kind="stable")]
        return _Rows(kept, [h for h in histograms if h.timestamp <= latest])

    def _append(self, batch: LineBatch, refs: NDArray[np.int64], rows: _Rows) -> Sequence[Rejection]:
        kept, histograms = rows
        return self._store.append(
            SampleBatch(
                refs[batch.series[kept]] if len(kept) else ints([]),
                batch.timestamps[kept],
                batch.values[kept],
                None if batch.starts is None else batch.starts[kept],
                HistogramRows(
                    ints([int(refs[h.series]) for h in histograms]),
                    ints([h.timestamp for h in histograms]),
                    tuple(h.value for h in histograms),
                    ints([h.start for h in histograms]),
                ),
                overwrite=self._overwrite,
            )
        ).rejections

    def _put_notes(self, batch: LineBatch, refs: NDArray[np.int64]) -> None:
        """Keep metadata and exemplars; none of them is worth refusing a line for."""
        if batch.metadata:
            self._store.put_metadata(batch.metadata)
        kept = [row for row in batch.exemplars if refs[row.series] != REFUSED]
        if kept:
            self._store.put_exemplars(
                [int(refs[row.series]) for row in kept],
                [
                    Exemplar(row.exemplar.labels, row.exemplar.value, row.exemplar.timestamp or row.timestamp)
                    for row in kept
                ],
            )

    def _refuse(self, outcome: ImportOutcome, faults: Iterable[LineFault]) -> None:
        for fault in faults:
            self._metrics.refused.labels(fault.id).inc()
            outcome.refused += 1
            if len(outcome.faults) < MAX_FAULTS:
                outcome.faults.append(fault)


def _key(labels: tuple[tuple[str, str], ...]) -> bytes:
    if not any(name == METRIC_NAME and value for name, value in labels):
        raise InvalidInput(
            f"it has no metric name, its labels are {shorten(format_labels(dict(labels)))}; give every series a label "
            f"{METRIC_NAME!r}",
            id="invalid-label",
        )
    return series_key(labels)


def _line_numbers(batch: LineBatch, rows: _Rows) -> list[int]:
    """Return the line of every row in the order of the store's: floats, then histograms."""
    lines: list[int] = batch.lines[rows.floats].tolist()
    return lines + [h.line for h in rows.histograms]


def _faults_of_series(batch: LineBatch, refused: dict[int, tuple[str, str]]) -> list[LineFault]:
    """Return a fault for every sample of series that are refused."""
    rows = zip(batch.series.tolist(), batch.lines.tolist(), strict=True)
    faults = [LineFault(line, *refused[series]) for series, line in rows if series in refused]
    return faults + [LineFault(h.line, *refused[h.series]) for h in batch.histograms if h.series in refused]
