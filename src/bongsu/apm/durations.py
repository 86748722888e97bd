"""
Transactions counted by the application itself: duration histograms, for agents whose spans are not all sent.

Traces may be sampled before they are sent, dropped by a full queue, or switched off; the histogram of durations counts every
request. Where an agent's histograms hold clearly more than its spans, its transactions are taken from them.

All known histograms of an agent are followed, spans are counted beside them, and both sums are compared; every ten minutes both are
halved, so that the past fades. The comparison leans towards spans: a report is compared with all spans that came until its tick was
sealed, late ones and nested ones included (nested instrumentations record a duration each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names
from bongsu.apm.gauges import stream_key
from bongsu.apm.latency import BOUNDS_S, BUCKETS, bucket_of
from bongsu.apm.settings import TICK_MS
from bongsu.apm.ticks import TransactionTotals
from bongsu.wire.otlp.values import HistogramPoint, MetricKind, Temporality

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from bongsu.wire.otlp.values import Attributes, Metric

_SURE_RATIO, _OVER_RATIO = 1.2, 1.05
"""Histograms are taken when they hold a fifth more than the spans, and left when the difference is below a twentieth."""
_LEAST_MISSING = 20
"""Missing spans below this are no proof: a queue may have overflowed once."""
_FADE_TICKS = 120
"""Ten minutes. Both sums are halved together: a window that forgets ticks would forget spans before their histograms."""
_ONE_TICK_MS = 7_500
"""Reports up to one and a half ticks apart belong to the tick of their time; rarer ones are spread over the ticks that follow."""
_MAX_SPREAD_TICKS = 24
"""Two minutes: twice OpenTelemetry's default interval."""
_MAX_STREAMS = 4_096
"""Streams of one agent: methods × routes × statuses."""

_FAMILIES = {name: (rank // 2, rank % 2) for rank, name in enumerate(names.DURATIONS)}
"""Family (HTTP, RPC, messaging) and rank within it: an agent may send a duration under its new and its old name."""

_NS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000}


class DurationReading(NamedTuple):
    """
    One stream's point of a duration histogram.

    Attributes
    ----------
    buckets
        Counts by our own bounds (`bongsu.apm.latency`); a bucket of the sender counts where its upper bound lies.
    """

    stream: Hashable
    family: int
    rank: int
    failed: bool
    start_ms: int
    time_ms: int
    is_delta: bool
    elapsed_ns: int
    buckets: tuple[int, ...]


def is_duration(metric: Metric) -> bool:
    """Tell whether a metric counts transactions by their duration."""
    return metric.name in _FAMILIES and metric.kind is MetricKind.HISTOGRAM


def read_durations(metric: Metric, scope: str) -> Iterator[DurationReading]:
    """Yield the points of a duration histogram."""
    family, rank = _FAMILIES[metric.name]
    unit = _NS_PER_UNIT.get(metric.unit, _NS_PER_UNIT["s"])
    for point in metric.points:
        if isinstance(point, HistogramPoint) and not point.absent:
            yield DurationReading(
                stream=(scope, metric.name, *stream_key(point.attributes)),
                family=family,
                rank=rank,
                failed=_failed(point.attributes),
                start_ms=point.start_ns // 1_000_000,
                time_ms=point.time_ns // 1_000_000,
                is_delta=metric.temporality == Temporality.DELTA,
                elapsed_ns=round((point.sum or 0.0) * unit),
                buckets=_buckets(point, unit),
            )


def _failed(attributes: Attributes) -> bool:
    for key in names.HTTP_STATUS_KEYS:
        status = attributes.get(key)
        if isinstance(status, int):
            return status >= 500
    return "error.type" in attributes


def _buckets(point: HistogramPoint, unit: int) -> tuple[int, ...]:
    buckets = [0] * BUCKETS
    if not point.bounds:
        mean = round((point.sum or 0.0) * unit / point.observations) if point.observations else 0
        buckets[bucket_of(mean)] = point.observations
        return tuple(buckets)
    for bound, count in zip((*point.bounds, float("inf")), point.counts, strict=True):
        buckets[BUCKETS - 1 if bound == float("inf") else bucket_of(round(bound * unit))] += count
    return tuple(buckets)


class _Stream:
    """What a cumulative stream held last."""

    __slots__ = ("buckets", "elapsed_ns", "start_ms", "time_ms")

    def __init__(self, reading: DurationReading) -> None:
        self.start_ms, self.time_ms = reading.start_ms, reading.time_ms
        self.elapsed_ns, self.buckets = reading.elapsed_ns, reading.buckets


class DurationCounts:
    """
    The histograms of one agent, and how they compare with its spans. Not thread-safe: the project's lock guards it.

    Parameters
    ----------
    since_ms
        Streams that began before this had counted before anybody compared: only what they grow by counts.
    apdex_ms
        Apdex threshold.
    """

    __slots__ = (
        "_apdex_ns",
        "_fade",
        "_interval_ms",
        "_newest_ms",
        "_ranks",
        "_recorded",
        "_seen",
        "_since_ms",
        "_spread",
        "_streams",
        "is_used",
    )

    def __init__(self, since_ms: int, apdex_ms: int) -> None:
        self._since_ms = since_ms
        self._apdex_ns = apdex_ms * 1_000_000
        self._streams: dict[Hashable, _Stream] = {}
        self._ranks: dict[int, int] = {}
        self._newest_ms = 0
        self._interval_ms = 0
        self._spread: dict[int, TransactionTotals] = {}
        self._recorded = self._seen = self._fade = 0
        self.is_used = False

    def __len__(self) -> int:
        """Return how many streams are kept."""
        return len(self._streams)

    def put(self, reading: DurationReading, tick: int, *, takes_new: bool = True) -> None:
        """Take a reading into the tick that is being sealed; readings come in order of time."""
        if reading.rank > self._ranks.setdefault(reading.family, reading.rank):
            return
        self._ranks[reading.family] = reading.rank
        if reading.time_ms > self._newest_ms:
            if self._newest_ms:
                self._interval_ms = reading.time_ms - self._newest_ms
            self._newest_ms = reading.time_ms
        if not takes_new and reading.stream not in self._streams:
            return
        grown = self._growth(reading)
        if grown is None:
            return
        elapsed_ns, buckets = grown
        ticks = (
            1
            if self._interval_ms <= _ONE_TICK_MS
            else min(_MAX_SPREAD_TICKS, round(self._interval_ms / TICK_MS))
        )
        for number in range(ticks):
            part = [_share(count, number, ticks) for count in buckets]
            totals = self._totals(part, _share(elapsed_ns, number, ticks), failed=reading.failed)
            self._spread.setdefault(tick + number, TransactionTotals()).add(totals)

    def seal(self, tick: int, spans: int) -> TransactionTotals | None:
        """
        Return the transactions of a tick by histograms, or None where the spans are believed.

        Parameters
        ----------
        spans
            Spans of the kinds of transactions that came since the tick before, nested and late ones included.
        """
        counted = self._spread.pop(tick, None) or TransactionTotals()
        if not self._streams:
            # Spans count from the beginning: the first histogram may hold what they told already.
            self._seen += spans
            return None
        self._compare(counted.count, spans)
        return counted if self.is_used else None

    def _compare(self, recorded: int, spans: int) -> None:
        self._recorded += recorded
        self._seen += spans
        if self.is_used:
            self.is_used = self._recorded > _OVER_RATIO * self._seen
        elif self._seen:
            missing = self._recorded - self._seen
            self.is_used = self._recorded > _SURE_RATIO * self._seen and missing >= _LEAST_MISSING
        else:
            self.is_used = self._recorded > 0
        self._fade += 1
        if self._fade == _FADE_TICKS:
            self._recorded, self._seen, self._fade = self._recorded // 2, self._seen // 2, 0

    def _growth(self, reading: DurationReading) -> tuple[int, tuple[int, ...]] | None:
        """Return what a stream grew by, or None when it is a repetition, a first reading, or one stream too many."""
        before = self._streams.get(reading.stream)
        if before is None:
            if len(self._streams) >= _MAX_STREAMS:
                return None
            self._streams[reading.stream] = _Stream(reading)
            is_new = reading.is_delta or reading.start_ms >= self._since_ms
            return (reading.elapsed_ns, reading.buckets) if is_new else None
        if reading.time_ms <= before.time_ms:
            return None
        self._streams[reading.stream] = _Stream(reading)
        grown = tuple(new - old for new, old in zip(reading.buckets, before.buckets, strict=True))
        if reading.is_delta or reading.start_ms > before.start_ms or min(grown) < 0:
            return reading.elapsed_ns, reading.buckets
        return max(0, reading.elapsed_ns - before.elapsed_ns), grown

    def _totals(self, buckets: list[int], elapsed_ns: int, *, failed: bool) -> TransactionTotals:
        count = sum(buckets)
        satisfied = tolerated = 0
        if not failed:
            for bound, inside in zip(BOUNDS_S, buckets, strict=False):
                # A bucket counts as its slowest member: Apdex is never better than it was.
                if bound * 1_000_000_000 <= self._apdex_ns:
                    satisfied += inside
                elif bound * 1_000_000_000 <= 4 * self._apdex_ns:
                    tolerated += inside
        return TransactionTotals(count, count if failed else 0, elapsed_ns, satisfied, tolerated, buckets)


def _share(total: int, number: int, parts: int) -> int:
    """Return one of `parts` nearly equal parts, which add up to the total."""
    return total * (number + 1) // parts - total * number // parts
