"""From a remote write request to durable samples: the good ones are stored, the others are named."""

from __future__ import annotations

import bisect
import itertools
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import Counter

from bongsu.ingest.series_table import SeriesTable
from bongsu.model.errors import BongsuError, InvalidInput
from bongsu.model.labels import METRIC_NAME, described, format_labels, series_key
from bongsu.model.samples import HistogramRows, SampleBatch
from bongsu.storage.contract import REFUSED, Reason
from bongsu.storage.limits import shorten
from bongsu.wire.messages import BadMessage
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from prometheus_client import CollectorRegistry

    from bongsu.model.samples import Exemplar, MetricMetadata
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import AppendResult, ProjectStore, Rejection
    from bongsu.wire.remote_write.histograms import HistogramSample
    from bongsu.wire.remote_write.request import SeriesHashes

_MAX_AHEAD_MS = 600_000
"""Samples further ahead of the server's clock are refused, as in Prometheus: a wrong clock must not blind queries."""

_MAX_EXEMPLAR_CHARACTERS = 128
"""The most that names and values of an exemplar's labels may have together (OpenMetrics 1.0)."""

_SHOWN_FAULTS = 5
"""Faults named in an answer: enough to see the pattern; all of them are counted."""


class IngestMetrics:
    """Counters of remote write, for all projects together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.written = Counter(
            "bongsu_remote_write_written_total",
            "Elements that are stored, by kind.",
            ["kind"],
            registry=registry,
        )
        self.refused = Counter(
            "bongsu_remote_write_refused_total",
            "Elements that were refused, by error id.",
            ["reason"],
            registry=registry,
        )
        # Found once: a look-up takes as long as ten counts, and every request counts.
        self._samples, self._histograms, self._exemplars = (
            self.written.labels(kind) for kind in ("sample", "histogram", "exemplar")
        )

    def count(self, outcome: WriteOutcome) -> None:
        """Count what a request left in the store."""
        self._samples.inc(outcome.samples)
        self._histograms.inc(outcome.histograms)
        self._exemplars.inc(outcome.exemplars)


@dataclass(slots=True)
class WriteOutcome:
    """
    What came of a request.

    Attributes
    ----------
    samples, histograms, exemplars
        Elements that are stored now, durably for the first two.
    refused
        Elements and series that are not.
    faults
        The first few reasons, each naming its series.
    """

    samples: int = 0
    histograms: int = 0
    exemplars: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """All that a sender's log should say; empty when nothing was refused."""
        if not self.refused:
            return ""
        more = self.refused - len(self.faults)
        return "; ".join(self.faults) + (f"; and {more} more" if more > 0 else "")


@dataclass(slots=True)
class _Work:
    """One request on its way."""

    request: WireRequest
    outcome: WriteOutcome
    hashes: SeriesHashes
    refs: NDArray[np.int64]


class RemoteWriter:
    """
    Writes remote write requests into the store of one project. Any thread may use it.

    Parameters
    ----------
    store
        The project's view; references that were resolved through it are kept as long as this object.
    describes
        Series of requests 2.0 get labels of type and unit from their metadata. Such requests go the long way.
    """

    def __init__(
        self, store: ProjectStore, clock: Clock, metrics: IngestMetrics, *, describes: bool = False
    ) -> None:
        self.store = store
        self._describes = describes
        self._clock = clock
        self._metrics = metrics
        self._table = SeriesTable()
        self._seeds = np.array([secrets.randbits(64), secrets.randbits(64)], dtype=np.uint64)

    def write_all(self, requests: Sequence[tuple[bytes, Version]]) -> list[WriteOutcome | BongsuError]:
        """
        Store what is good of decompressed requests and return when that is durable: what came of each, or why nothing did.

        Requests of known series with samples alone take a short way, and one append together.
        """
        known = [self._known(data, version) for data, version in requests]
        together = iter(self._write_known([samples for samples in known if samples is not None]))
        outcomes = [None if samples is None else next(together) for samples in known]
        return [
            self._write_fully(data, version) if outcome is None else outcome
            for (data, version), outcome in zip(requests, outcomes, strict=True)
        ]

    def _known(self, data: bytes, version: Version) -> NDArray[np.int64] | None:
        """Return references, times, values and starts of a request that is nothing but samples of known series, None for any other."""
        if self._describes and version is Version.V2:
            return None
        # As `WireRequest.hashes`: the hashes of the versions are apart.
        seeds = self._seeds + np.uint64(version)
        samples = self._table.read_known(np.frombuffer(data, dtype=np.uint8), version, seeds)
        return None if samples is None or samples[1].max() > self._latest() else samples

    def _write_known(
        self, requests: Sequence[NDArray[np.int64]]
    ) -> Sequence[WriteOutcome | BongsuError | None]:
        """Store samples of known series; None for requests that must be read in full."""
        if not requests:
            return ()
        refs, times, bits, starts = requests[0] if len(requests) == 1 else np.concatenate(requests, axis=1)
        try:
            result = self.store.append(
                SampleBatch(refs, times, bits.view(np.float64), starts if starts.any() else None)
            )
        except BongsuError as error:
            return [error] * len(requests)
        outcomes = [WriteOutcome(samples=samples.shape[1]) for samples in requests]
        ends = list(itertools.accumulate(outcome.samples for outcome in outcomes))
        again: set[int] = set()
        for rejection in result.rejections:
            place = bisect.bisect_right(ends, rejection.row)
            if rejection.reason is Reason.UNKNOWN_SERIES:
                again.add(place)  # what was stored just now is met again as an exact repetition
            else:
                outcomes[place].samples -= 1
                self._refuse(outcomes[place], rejection.reason.value, rejection.message)
        for place, outcome in enumerate(outcomes):
            if place not in again:
                self._metrics.count(outcome)
        return [None if place in again else outcome for place, outcome in enumerate(outcomes)]

    def _write_fully(self, data: bytes, version: Version) -> WriteOutcome | BongsuError:
        try:
            return self.write(WireRequest(data, version))
        except BongsuError as error:
            return error

    def write(self, request: WireRequest) -> WriteOutcome:
        """
        Store what is good of a request and return when that is durable.

        Raises
        ------
        Unavailable
            If the store takes no writes; nothing of the request is acknowledged.
        """
        outcome = WriteOutcome()
        hashes = request.hashes(self._seeds)
        work = _Work(request, outcome, hashes, np.full(len(request), REFUSED, dtype=np.int64))
        new_metadata = self._resolve(work)
        self._append(work)
        self._put_exemplars(work)
        self._put_metadata(work, new_metadata)
        self._metrics.count(outcome)
        return outcome

    def _resolve(self, work: _Work) -> NDArray[np.int64]:
        """Find or make every series; return the rows whose metadata is new."""
        hashes = work.hashes
        known, metadata = self._table.find(hashes.labels)
        same = hashes.plain & (hashes.metadata == metadata) if self._describes else hashes.plain
        work.refs = np.where(same, known, REFUSED)
        self._make(work, np.flatnonzero(work.refs == REFUSED))
        good = work.refs != REFUSED
        changed = good & (hashes.metadata != 0) & (hashes.metadata != metadata)
        return np.flatnonzero(changed)

    def _make(self, work: _Work, rows: NDArray[np.int64]) -> None:
        """Resolve the series of `rows` by their labels."""
        if not len(rows):
            return
        keys: list[bytes] = []
        kept: list[int] = []
        for row in rows.tolist():
            try:
                keys.append(_key(self._labels(work, row)))
                kept.append(row)
            except InvalidInput as error:
                self._refuse(
                    work.outcome, error.id, f"series {row + 1} of {len(work.request)}: {error.message}"
                )
        resolution = self.store.resolve(keys)
        for rejection in resolution.rejections:
            self._refuse(work.outcome, rejection.reason.value, rejection.message)
        work.refs[kept] = resolution.refs
        made = np.array(kept, dtype=np.int64)
        made = made[(work.refs[made] != REFUSED) & work.hashes.plain[made]]
        self._table.put(work.hashes.labels[made], work.refs[made], np.zeros(len(made), dtype=np.uint64))

    def _labels(self, work: _Work, row: int) -> tuple[tuple[str, str], ...]:
        labels = work.request.labels(row)
        if not self._describes or not work.hashes.metadata[row]:
            return labels
        try:
            told = work.request.series_metadata(row)
        except BadMessage:
            return labels  # it is told of where the metadata is put
        return described(labels, told.type, told.unit)

    def _append(self, work: _Work) -> None:
        """Write samples and histograms; series that the store has forgotten are made again."""
        request = work.request
        rows = self._in_time(work, request.sample_series, request.timestamps)
        histograms = self._histograms(work)
        outcome = work.outcome
        if not len(rows) and not histograms:
            return
        result = self._append_rows(work, rows, histograms)
        forgotten = {r.row for r in result.rejections if r.reason is Reason.UNKNOWN_SERIES}
        outcome.samples, outcome.histograms = _written(len(rows), len(histograms), result.rejections)
        self._report(work, [r for r in result.rejections if r.row not in forgotten])
        if not forgotten:
            return
        rows_again = rows[[row for row in sorted(forgotten) if row < len(rows)]]
        histograms_again = [histograms[row - len(rows)] for row in sorted(forgotten) if row >= len(rows)]
        series = {*request.sample_series[rows_again].tolist(), *(row for row, _ in histograms_again)}
        self._make(work, np.array(sorted(series), dtype=np.int64))
        rows_again = rows_again[work.refs[request.sample_series[rows_again]] != REFUSED]
        result = self._append_rows(work, rows_again, histograms_again)
        samples, written = _written(len(rows_again), len(histograms_again), result.rejections)
        outcome.samples += samples
        outcome.histograms += written
        self._report(work, result.rejections)

    def _append_rows(
        self, work: _Work, rows: NDArray[np.int64], histograms: Sequence[tuple[int, HistogramSample]]
    ) -> AppendResult:
        request = work.request
        starts = request.starts
        return self.store.append(
            SampleBatch(
                work.refs[request.sample_series[rows]],
                request.timestamps[rows],
                request.values[rows],
                None if starts is None else starts[rows],
                HistogramRows(
                    np.array([work.refs[row] for row, _ in histograms], dtype=np.int64),
                    np.array([sample.timestamp for _, sample in histograms], dtype=np.int64),
                    tuple(sample.value for _, sample in histograms),
                    np.array([sample.start for _, sample in histograms], dtype=np.int64)
                    if any(sample.start for _, sample in histograms)
                    else None,
                ),
            )
        )

    def _in_time(
        self, work: _Work, series: NDArray[np.int64], timestamps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the rows of good series that are not too far ahead; the others are refused."""
        good = work.refs[series] != REFUSED
        ahead = good & (timestamps > self._latest())
        for row in np.flatnonzero(ahead).tolist():
            self._refuse_ahead(work, int(series[row]), int(timestamps[row]))
        return np.flatnonzero(good & ~ahead)

    def _histograms(self, work: _Work) -> list[tuple[int, HistogramSample]]:
        kept: list[tuple[int, HistogramSample]] = []
        for row, sample in work.request.histograms():
            if work.refs[row] == REFUSED:
                continue
            if isinstance(sample, BadMessage):
                self._refuse(work.outcome, sample.id, f"histogram of {_name(work, row)}: {sample.message}")
            elif sample.timestamp > self._latest():
                self._refuse_ahead(work, row, sample.timestamp)
            else:
                kept.append((row, sample))
        return kept

    def _put_exemplars(self, work: _Work) -> None:
        kept: list[tuple[int, Exemplar]] = []
        for row, exemplar in work.request.exemplars():
            if work.refs[row] == REFUSED:
                continue
            if isinstance(exemplar, BadMessage):
                self._refuse(work.outcome, exemplar.id, f"exemplar of {_name(work, row)}: {exemplar.message}")
            elif sum(len(name) + len(value) for name, value in exemplar.labels) > _MAX_EXEMPLAR_CHARACTERS:
                self._refuse(
                    work.outcome,
                    "exemplar-too-long",
                    f"exemplar of {_name(work, row)} at {exemplar.timestamp}: its labels have more than "
                    f"{_MAX_EXEMPLAR_CHARACTERS} characters; send shorter ones",
                )
            else:
                kept.append((int(work.refs[row]), exemplar))
        if kept:
            self.store.put_exemplars([ref for ref, _ in kept], [exemplar for _, exemplar in kept])
        work.outcome.exemplars = len(kept)

    def _put_metadata(self, work: _Work, rows: NDArray[np.int64]) -> None:
        entries: list[MetricMetadata] = []
        try:
            entries = [entry for entry in work.request.metadata() if entry.name]
        except BadMessage as error:
            self._refuse(work.outcome, error.id, f"metadata: {error.message}")
        told: list[int] = []
        for row in rows.tolist():
            try:
                entries.append(work.request.series_metadata(row))
                told.append(row)
            except BadMessage as error:
                self._refuse(work.outcome, error.id, f"metadata of {_name(work, row)}: {error.message}")
        if entries:
            self.store.put_metadata(list(dict.fromkeys(entries)))
        kept = np.array([row for row in told if work.hashes.plain[row]], dtype=np.int64)
        self._table.put(work.hashes.labels[kept], work.refs[kept], work.hashes.metadata[kept])

    def _latest(self) -> int:
        return self._clock.now_ms() + _MAX_AHEAD_MS

    def _report(self, work: _Work, rejections: Iterable[Rejection]) -> None:
        for rejection in rejections:
            self._refuse(work.outcome, rejection.reason.value, rejection.message)

    def _refuse_ahead(self, work: _Work, row: int, timestamp: int) -> None:
        self._refuse(
            work.outcome,
            "too-far-in-future",
            f"out of bounds: sample of {_name(work, row)} at {timestamp} is more than {_MAX_AHEAD_MS // 60_000} minutes "
            "ahead of the server; check the sender's clock",
        )

    def _refuse(self, outcome: WriteOutcome, reason: str, message: str) -> None:
        self._metrics.refused.labels(reason).inc()
        outcome.refused += 1
        if len(outcome.faults) < _SHOWN_FAULTS:
            outcome.faults.append(message)


def _written(samples: int, histograms: int, rejections: Sequence[Rejection]) -> tuple[int, int]:
    """Return how many samples and histograms are stored; their rows follow each other."""
    refused_samples = sum(rejection.row < samples for rejection in rejections)
    return samples - refused_samples, histograms - (len(rejections) - refused_samples)


def _key(labels: tuple[tuple[str, str], ...]) -> bytes:
    if not any(name == METRIC_NAME and value for name, value in labels):
        raise InvalidInput(
            f"it has no metric name, its labels are {shorten(format_labels(dict(labels)))}; send a label "
            f"{METRIC_NAME!r} with every series",
            id="invalid-label",
        )
    return series_key(labels)


def _name(work: _Work, row: int) -> str:
    return shorten(format_labels(dict(work.request.labels(row))))
