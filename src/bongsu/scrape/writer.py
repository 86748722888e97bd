"""From the answer of one target to durable samples: all of a scrape or nothing of it, with its report series and stale marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.errors import BongsuError, InvalidInput
from bongsu.model.labels import METRIC_NAME, described, series_key
from bongsu.model.samples import STALE_NAN, Exemplar, HistogramRows, MetricMetadata, SampleBatch
from bongsu.scrape.classic import classic_histograms, with_native
from bongsu.scrape.created import created_rows, created_starts
from bongsu.scrape.fetch import FetchedBody
from bongsu.scrape.layout import DROPPED, Layout, Readings
from bongsu.scrape.outcomes import Failure, Health, ScrapeFailed, ScrapeOutcome
from bongsu.scrape.series_labels import SeriesLabels, bounded_histogram
from bongsu.storage.contract import REFUSED, Reason
from bongsu.wire.exposition.errors import ExpositionError
from bongsu.wire.exposition.negotiation import Format, format_of, parse_exposition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.scrape.classic import ClassicHistogram
    from bongsu.scrape.metrics import ScrapeMetrics
    from bongsu.scrape.targets import ScrapeTarget
    from bongsu.wire.exposition.body import Exposition, ParsedExemplar
    from bongsu.wire.exposition.lexical import Labels

REPORT_NAMES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""Series that every attempt writes, in the order of `_report`."""

EXTRA_REPORT_NAMES = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
"""... and those that follow with the option 'extra_scrape_metrics'."""

_MAX_AHEAD_MS = 600_000
"""Samples further ahead of the scrape than this are refused, as in Prometheus: a wrong clock must not blind queries."""

_MAX_EXEMPLAR_CHARACTERS = 128
"""The most that names and values of an exemplar's labels may have together (OpenMetrics 1.0)."""

_REFUSED_RETRY_MS = 60_000
"""Series that the store refused are offered again this often, so that a raised limit helps without a restart."""

_TOO_FAR_AHEAD = "too-far-in-future"
_GIVEN_TWICE = "duplicate-in-body"
_TWICE_WARNING = "the body gives a series twice; the first value was kept"

_Report = tuple["NDArray[np.int64]", "NDArray[np.float64]"]
"""References and values of the report series."""


@dataclass(slots=True)
class _Page:
    """One body, read and resolved."""

    layout: Layout
    readings: Readings
    added: int
    metadata: list[MetricMetadata] | None
    body_size: int = 0


@dataclass(slots=True)
class _Drops:
    """Samples of a good body that are not stored."""

    counts: dict[str, int]
    warning: str = ""

    def add(self, reason: str, count: int, warning: str) -> None:
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count
            self.warning = self.warning or warning

    def total(self) -> int:
        return sum(self.counts.values())


def _no_refs() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


class TargetWriter:
    """
    Writes the scrapes of one target. It may be used from any thread, by one at a time.

    Parameters
    ----------
    target
        Its labels and store stay; its limits and fallback format may be replaced by `update`.
    describes
        Series get labels of type and unit, as far as the body tells them.
    keeps_starts
        What ``_created`` samples of OpenMetrics tell is the start of the samples beside them; protobuf's start times are kept always.
    """

    def __init__(
        self,
        target: ScrapeTarget,
        metrics: ScrapeMetrics,
        *,
        describes: bool = False,
        keeps_starts: bool = False,
    ) -> None:
        self._target = target
        self._store = target.store
        self._labels = dict(target.labels)
        self._metrics = metrics
        self._layout: Layout | None = None
        self._metadata: list[MetricMetadata] = []
        # Series that the newest scrape wrote without own time: they need a stale mark when they go.
        self._alive = _no_refs()
        self._reports: NDArray[np.int64] | None = None
        self._offered_ms = 0
        self._refused_warning = ""
        self._make_labels = SeriesLabels(target.labels, target.options)
        self._describes = describes
        self._keeps_starts = keeps_starts
        self._kinds: dict[str, tuple[str, str]] = {}

    def update(self, target: ScrapeTarget) -> None:
        """Take over changed options of the same target; called while nothing is written."""
        before, self._target = self._target.options, target
        if before == target.options:
            return
        self._make_labels = SeriesLabels(target.labels, target.options)
        # The same lines may make other series now. What the newest scrape wrote stays known, to be marked when it goes.
        self._layout = None
        if self._reports is not None and before.extra_scrape_metrics != target.options.extra_scrape_metrics:
            self._alive = np.union1d(self._alive, self._reports[len(REPORT_NAMES) :])
            self._reports = None

    def write(
        self, answer: FetchedBody | ScrapeFailed, *, time_ms: int, elapsed: Callable[[], float]
    ) -> ScrapeOutcome:
        """
        Write one scrape and return how it went, after it is durable.

        Parameters
        ----------
        answer
            What the target said, or why it did not.
        time_ms
            When the scrape started, Unix milliseconds.
        elapsed
            Seconds since then.
        """
        try:
            if isinstance(answer, ScrapeFailed):
                raise answer
            return self._write_good(answer, time_ms, elapsed)
        except ScrapeFailed as failed:
            return self._write_failed(failed, time_ms, elapsed(), _body_size(answer))

    def write_end(self, time_ms: int) -> None:
        """Mark every series of the target as stale: it is scraped no more."""
        reports = self._reports if self._reports is not None else _no_refs()
        refs = np.concatenate((reports, self._alive))
        self._store.append(_batch(refs, time_ms, np.full(len(refs), STALE_NAN)))
        self._alive = _no_refs()

    def _write_good(self, answer: FetchedBody, time_ms: int, elapsed: Callable[[], float]) -> ScrapeOutcome:
        page = self._page(answer, time_ms)
        drops = _Drops({})
        duration = elapsed()
        if self._append(page, drops, time_ms, duration):
            # Series left the store between two scrapes. What was stored just now is met again as an exact repetition.
            self._layout = self._reports = None
            page = self._page(answer, time_ms)
            drops = _Drops({})
            self._append(page, drops, time_ms, duration)
        self._keep(page, time_ms)
        for reason, count in drops.counts.items():
            self._metrics.dropped.labels(reason).inc(count)
        self._metrics.samples.inc(len(page.layout))
        return ScrapeOutcome(
            self._target.id,
            time_ms,
            duration,
            Health.UP,
            answer.http_status,
            samples=len(page.layout),
            dropped=drops.total(),
            warning=drops.warning,
        )

    def _write_failed(
        self, failed: ScrapeFailed, time_ms: int, duration: float, body_size: int
    ) -> ScrapeOutcome:
        report = self._report(0, duration, failed.samples, failed.relabelled, 0, body_size)
        refs = np.concatenate((self._report_refs(), self._alive))
        values = np.concatenate((report, np.full(len(self._alive), STALE_NAN)))
        rejections = self._store.append(_batch(refs, time_ms, values)).rejections
        if any(r.reason is Reason.UNKNOWN_SERIES and r.row < len(report) for r in rejections):
            self._reports = None
            self._store.append(_batch(self._report_refs(), time_ms, report))
        self._alive = _no_refs()
        self._metrics.failures.labels(failed.failure.value).inc()
        return ScrapeOutcome(
            self._target.id,
            time_ms,
            duration,
            Health.DOWN,
            failed.http_status,
            failed.message,
            failed.samples,
            failure=failed.failure,
        )

    def _page(self, answer: FetchedBody, time_ms: int) -> _Page:
        try:
            format = format_of(answer.content_type, self._target.options.fallback_format)  # noqa: A001
            page = self._known_page(answer.body, format, time_ms) or self._new_page(
                answer.body, format, time_ms
            )
            return replace(self._under_options(page), body_size=len(answer.body))
        except (ExpositionError, InvalidInput) as error:
            raise ScrapeFailed(error.message, Failure.FORMAT, http_status=answer.http_status) from error

    def _known_page(self, body: bytes, format: Format, time_ms: int) -> _Page | None:  # noqa: A002
        layout = self._layout
        if layout is None or layout.format is not format or self._should_offer(layout, time_ms):
            return None
        readings = layout.read(body)
        if readings is None:
            return None
        self._check_samples(len(layout), layout.kept)
        self._metrics.layout_hits.inc()
        return _Page(layout, readings, 0, None)

    def _new_page(self, body: bytes, format: Format, time_ms: int) -> _Page:  # noqa: A002
        with_created = self._keeps_starts and format is Format.OPENMETRICS
        known, options = {} if with_created else self._known_refs(), self._target.options
        parsed = self._parse(body, format, known)
        if self._describes and self._are_new(parsed):
            # The same lines are other series now.
            known = {}
            parsed = self._parse(body, format, known)
        begun = created_rows(parsed) if with_created else None
        classic = classic_histograms(parsed) if options.convert_classic_histograms_to_nhcb else []
        swallowed = self._swallowed(parsed, classic)
        labels_of = {series: labels for series, labels in parsed.labels.items() if series not in swallowed}
        natives = [_native_key(each) for each in classic]
        labels_of.update(zip(natives, (each.labels for each in classic), strict=True))
        if self._describes:
            labels_of = {series: _described(labels, parsed) for series, labels in labels_of.items()}
        made = {series: self._make_labels(labels) for series, labels in labels_of.items()}
        known.update((series, DROPPED) for series, labels in made.items() if labels is None)
        known.update(dict.fromkeys(swallowed, DROPPED))
        rows = [*parsed.series, *natives]
        kept = sum(known.get(series) != DROPPED for series in rows)
        lines = sum(series in swallowed for series in parsed.series) if swallowed else 0
        self._check_samples(len(rows) - lines, kept)
        added = self._resolve(
            {series: labels for series, labels in made.items() if labels is not None}, known
        )
        self._offered_ms = time_ms
        refs = np.fromiter((known[series] for series in rows), dtype=np.int64, count=len(rows))
        values = np.array(parsed.values, dtype=np.float64)
        readings = Readings(
            values,
            parsed.timestamps,
            parsed.exemplars,
            parsed.histograms,
            parsed.starts | created_starts(begun, values),
        )
        layout = Layout.of(body, parsed, refs, format, classic, lines, begun)
        return _Page(layout, with_native(readings, classic), added, parsed.metadata())

    def _parse(self, body: bytes, format: Format, known: dict[bytes, int]) -> Exposition:  # noqa: A002
        options = self._target.options
        return parse_exposition(
            body,
            format,
            known,
            native_histograms=options.scrape_native_histograms,
            classic_histograms=options.always_scrape_classic_histograms,
        )

    def _are_new(self, parsed: Exposition) -> bool:
        """Take over the types and units of a body; tell whether any is another one than before."""
        kinds = {name: (notes.type, notes.unit) for name, notes in parsed.families.items()}
        before, self._kinds = self._kinds, kinds
        return (
            any(before.get(name, kind) != kind for name, kind in kinds.items())
            or not before.keys() <= kinds.keys()
        )

    def _swallowed(self, parsed: Exposition, classic: Sequence[ClassicHistogram]) -> set[bytes]:
        """Return the series that native histograms stand for, and that are not wanted beside them."""
        if self._target.options.always_scrape_classic_histograms:
            return set()
        return {parsed.series[line] for each in classic for line in each.lines}

    def _resolve(self, made: dict[bytes, Labels | dict[str, str]], known: dict[bytes, int]) -> int:
        """Add the references of new series to the known ones, and return how many the store took."""
        resolution = self._store.resolve([series_key(labels) for labels in made.values()])
        known.update(zip(made, resolution.refs.tolist(), strict=True))
        self._refused_warning = resolution.rejections[0].message if resolution.rejections else ""
        return len(made) - len(resolution.rejections)

    def _under_options(self, page: _Page) -> _Page:
        """Return a page without what the options pass over, and with coarser histograms where they say so."""
        options, readings = self._target.options, page.readings
        if readings.timestamps and not options.honor_timestamps:
            readings = replace(readings, timestamps={})
        if readings.histograms:
            bounded = {row: bounded_histogram(h, options) for row, h in readings.histograms.items()}
            readings = replace(readings, histograms=bounded)
        return page if readings is page.readings else replace(page, readings=readings)

    def _known_refs(self) -> dict[bytes, int]:
        # Which lines make a histogram is told by labels, so these are read anew with every layout.
        if self._layout is None or self._target.options.convert_classic_histograms_to_nhcb:
            return {}
        pairs = zip(self._layout.series(), self._layout.refs.tolist(), strict=True)
        return {series: ref for series, ref in pairs if ref != REFUSED}

    def _should_offer(self, layout: Layout, time_ms: int) -> bool:
        return time_ms - self._offered_ms >= _REFUSED_RETRY_MS and bool((layout.refs == REFUSED).any())

    def _check_samples(self, samples: int, kept: int) -> None:
        limit = self._target.limits.max_samples
        if limit and kept > limit:
            raise ScrapeFailed(
                f"the body has {kept} samples, {limit} are allowed; expose fewer, or raise the workspace's option "
                "'sample_limit' or the setting 'scrape.max_samples'",
                Failure.SAMPLE_LIMIT,
                samples=samples,
                relabelled=kept,
            )

    def _append(self, page: _Page, drops: _Drops, time_ms: int, duration: float) -> bool:
        """Append a page; return whether the store has forgotten some of its series."""
        # The same array is the everyday case: nothing vanished.
        stale = (
            _no_refs() if self._alive is page.layout.alive else np.setdiff1d(self._alive, page.layout.alive)
        )
        # The target's own report series come first: a body that exposes one of them loses, not the report.
        report = self._report(1, duration, len(page.layout), page.layout.kept, page.added, page.body_size)
        reports = self._report_refs()
        batch_of = self._plain_batch if page.readings.is_plain else self._mixed_batch
        batch = batch_of(page, drops, time_ms, (reports, report), stale)
        rejections = self._store.append(batch).rejections
        marks = range(len(batch.refs) - len(stale), len(batch.refs))
        if any(r.reason is Reason.UNKNOWN_SERIES and r.row not in marks for r in rejections):
            return True
        for rejection in rejections:
            # A stale mark, or a report, that is refused tells nothing about the target.
            if rejection.row not in marks and rejection.row >= len(reports):
                drops.add(rejection.reason.value, 1, rejection.message)
        return False

    def _plain_batch(
        self, page: _Page, drops: _Drops, time_ms: int, report: _Report, stale: NDArray[np.int64]
    ) -> SampleBatch:
        """Return the batch of a page that has nothing but numbers of the scrape's time: what is stored is known beforehand."""
        layout, values = page.layout, page.readings.values
        drops.add(Reason.SERIES_LIMIT.value, layout.refused, self._refused_warning)
        drops.add(_GIVEN_TWICE, layout.twice, _TWICE_WARNING)
        refs = layout.refs
        if layout.stored is not None:
            refs, values = refs[layout.stored], values[layout.stored]
        return _batch(
            np.concatenate((report[0], refs, stale)),
            time_ms,
            np.concatenate((report[1], values, np.full(len(stale), STALE_NAN))),
        )

    def _mixed_batch(
        self, page: _Page, drops: _Drops, time_ms: int, report: _Report, stale: NDArray[np.int64]
    ) -> SampleBatch:
        """Return the batch of any page."""
        stored, times = self._storable(page, drops, time_ms)
        rows, histograms = _split(stored, page.readings.histograms)
        refs, n_reports = page.layout.refs, len(report[0])
        return SampleBatch(
            np.concatenate((report[0], refs[rows], stale)),
            np.concatenate(
                (np.full(n_reports, time_ms), times[rows], np.full(len(stale), time_ms)), dtype=np.int64
            ),
            np.concatenate((report[1], page.readings.values[rows], np.full(len(stale), STALE_NAN))),
            _starts(page.readings, rows, before=n_reports, after=len(stale)),
            HistogramRows(
                refs[histograms],
                times[histograms],
                tuple(page.readings.histograms[row] for row in histograms.tolist()),
                _starts(page.readings, histograms),
            ),
        )

    def _storable(
        self, page: _Page, drops: _Drops, time_ms: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows to store, and the time of every row."""
        refs = page.layout.refs
        times = np.full(len(refs), time_ms, dtype=np.int64)
        own = np.fromiter(page.readings.timestamps, dtype=np.int64, count=len(page.readings.timestamps))
        times[own] = np.fromiter(page.readings.timestamps.values(), dtype=np.int64, count=len(own))
        refused = refs == REFUSED
        relabelled = refs == DROPPED
        drops.add(Reason.SERIES_LIMIT.value, int(refused.sum()), self._refused_warning)
        ahead = (times > time_ms + _MAX_AHEAD_MS) & (refs >= 0)
        drops.add(
            _TOO_FAR_AHEAD,
            int(ahead.sum()),
            f"a sample's own time is more than {_MAX_AHEAD_MS // 60_000} minutes ahead; check the target's clock",
        )
        dropped = refused | relabelled | ahead
        first = _first_without_own_time(refs, own) if len(own) else page.layout.first
        twice = ~first & ~dropped
        drops.add(_GIVEN_TWICE, int(twice.sum()), _TWICE_WARNING)
        return np.flatnonzero(~(dropped | twice)), times

    def _keep(self, page: _Page, time_ms: int) -> None:
        """Make a stored page the newest one."""
        refs, readings = page.layout.refs, page.readings
        if readings.exemplars:
            self._put_exemplars(refs, readings, time_ms)
        if page.metadata is not None and page.metadata != self._metadata:
            self._store.put_metadata(page.metadata)
            self._metadata = page.metadata
        self._alive = page.layout.alive
        if readings.timestamps and not self._target.options.track_timestamps_staleness:
            tracked = refs >= 0
            tracked[list(readings.timestamps)] = False
            self._alive = np.unique(refs[tracked])
        self._layout = page.layout

    def _put_exemplars(self, refs: NDArray[np.int64], readings: Readings, time_ms: int) -> None:
        kept = [
            (int(refs[row]), _timed(exemplar, readings.timestamps.get(row, time_ms)))
            for row, exemplar in readings.exemplars
            if refs[row] >= 0 and _fits(exemplar.labels)
        ]
        self._metrics.dropped.labels("exemplar").inc(len(readings.exemplars) - len(kept))
        self._store.put_exemplars([ref for ref, _ in kept], [exemplar for _, exemplar in kept])

    def _report(
        self, up: int, duration: float, samples: int, kept: int, added: int, body_size: int
    ) -> NDArray[np.float64]:
        """Return the values of the report series."""
        values = [up, duration, samples, kept, added]
        if self._target.options.extra_scrape_metrics:
            values += [self._target.timeout_s, self._target.limits.max_samples, body_size]
        return np.array(values, dtype=np.float64)

    def _report_refs(self) -> NDArray[np.int64]:
        if self._reports is None:
            extra = EXTRA_REPORT_NAMES if self._target.options.extra_scrape_metrics else ()
            keys = [series_key({**self._labels, METRIC_NAME: name}) for name in REPORT_NAMES + extra]
            resolution = self._store.resolve(keys)
            if resolution.rejections:
                raise BongsuError(resolution.rejections[0].message, id=resolution.rejections[0].reason.value)
            self._reports = resolution.refs
        return self._reports


def _described(labels: Labels, parsed: Exposition) -> Labels:
    """Return scraped labels with those of type and unit."""
    notes = parsed.notes_of(dict(labels).get(METRIC_NAME, ""))
    return labels if notes is None else described(labels, notes.type, notes.unit)


def _native_key(histogram: ClassicHistogram) -> bytes:
    """Return what names a native series among the lines of a body: no line can begin so."""
    return b"\n" + series_key(histogram.labels)


def _body_size(answer: FetchedBody | ScrapeFailed) -> int:
    """Return what ``scrape_body_size_bytes`` says of a failed scrape: -1 for a body over its limit, 0 for none."""
    if isinstance(answer, FetchedBody):
        return len(answer.body)
    return -1 if answer.failure is Failure.BODY_LIMIT else 0


def _batch(refs: NDArray[np.int64], time_ms: int, values: NDArray[np.float64]) -> SampleBatch:
    return SampleBatch(refs, np.full(len(refs), time_ms, dtype=np.int64), values)


def _split(
    rows: NDArray[np.int64], histograms: dict[int, Histogram]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that hold floats, and those that hold native histograms."""
    if not histograms:
        return rows, _no_refs()
    native = np.isin(rows, np.fromiter(histograms, dtype=np.int64, count=len(histograms)))
    return rows[~native], rows[native]


def _starts(
    readings: Readings, rows: NDArray[np.int64], *, before: int = 0, after: int = 0
) -> NDArray[np.int64] | None:
    """Return the start timestamps of rows, between as many unknown ones as are asked for; None when none is known."""
    if not readings.starts:
        return None
    known = [readings.starts.get(row, 0) for row in rows.tolist()]
    return np.array([0] * before + known + [0] * after, dtype=np.int64)


def _first_without_own_time(refs: NDArray[np.int64], own: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of each row whether it is the first of its series without own time; the rows `own` have one and always count."""
    candidates = refs.copy()
    # Rows with own times are told apart from everything else and from each other.
    candidates[own] = -2 - own
    first = np.zeros(len(refs), dtype=np.bool_)
    first[np.unique(candidates, return_index=True)[1]] = True
    return first


def _fits(labels: Labels) -> bool:
    return sum(len(name) + len(value) for name, value in labels) <= _MAX_EXEMPLAR_CHARACTERS


def _timed(exemplar: ParsedExemplar, time_ms: int) -> Exemplar:
    return Exemplar(
        exemplar.labels, exemplar.value, time_ms if exemplar.timestamp is None else exemplar.timestamp
    )
