"""
A project's store behind its rate of samples, which counts whatever the project's limits refuse.

Who writes for a user gets this view; what the server writes by itself, its real-time numbers, goes to the store directly.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import Counter as CounterMetric

from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prometheus_client import CollectorRegistry

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import (
        AppendResult,
        Changes,
        ExemplarRows,
        ProjectStore,
        Rejection,
        Resolution,
        Selection,
        StoreStats,
    )

RATE_LIMIT = "max_samples_per_second"

BURST_S = 15.0
"""Quiet seconds that are credited: a project that scrapes everything once in the default interval uses its rate as a steady one does."""

_LEAST_WAIT_S = 1.0


class SampleRate:
    """
    A token bucket that may go into debt: a batch passes while anything is left, however large it is, and those after it wait.

    So a batch above the burst is slow instead of impossible, and the long-term rate holds all the same. Any thread may use it.
    """

    def __init__(self, clock: Clock) -> None:
        self.per_second = 0
        """Samples a second; 0 is no limit."""
        self._clock = clock
        self._lock = threading.Lock()
        self._left: float | None = None
        self._at = 0.0

    def take(self, samples: int) -> float | None:
        """Let samples pass and return None; or return the seconds after which to try again."""
        with self._lock:
            rate = self.per_second
            if not rate:
                self._left = None
                return None
            now = self._clock.monotonic()
            full = rate * BURST_S
            left = full if self._left is None else min(full, self._left + (now - self._at) * rate)
            self._at = now
            self._left = left
            if left <= 0:
                return max(_LEAST_WAIT_S, -left / rate)
            self._left = left - samples
            return None

    def used(self) -> int:
        """Return the samples of the burst that are in use now; 0 without a limit."""
        with self._lock:
            if not self.per_second or self._left is None:
                return 0
            full = self.per_second * BURST_S
            left = min(full, self._left + (self._clock.monotonic() - self._at) * self.per_second)
            return round(full - left)


class LimitMetrics:
    """Counts refusals of all projects. May be used from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}  # guarded by the lock
        self._metric = CounterMetric(
            "bongsu_limit_refused_total",
            "What a limit of a project refused: samples, series, spans, calls, scrapes, queries.",
            ["project", "limit"],
            registry=registry,
        )

    def count(self, project_id: str, limit: str, refused: int) -> None:
        """Count what a limit of a project has refused."""
        with self._lock:
            self._counts.setdefault(project_id, Counter())[limit] += refused
        self._metric.labels(project_id, limit).inc(refused)

    def of(self, project_id: str) -> Mapping[str, int]:
        """Return what each limit of a project has refused since the start; 0 for one that is missing."""
        with self._lock:
            return Counter(self._counts.get(project_id))

    def forget(self, project_id: str) -> None:
        """Forget a project that is gone."""
        with self._lock:
            counts = self._counts.pop(project_id, Counter[str]())
        for limit in counts:
            self._metric.remove(project_id, limit)


class LimitedStore:
    """
    A `ProjectStore` in front of another.

    Parameters
    ----------
    name
        The project's id, for counting only.
    """

    def __init__(self, inner: ProjectStore, name: str, clock: Clock, metrics: LimitMetrics) -> None:
        self.inner = inner
        self.rate = SampleRate(clock)
        self._name = name
        self._metrics = metrics

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key; series beyond a limit are counted."""
        resolution = self.inner.resolve(keys)
        self._count_rejections(resolution.rejections)
        return resolution

    def append(self, batch: SampleBatch) -> AppendResult:
        """
        Write a batch and return when it is durable.

        Raises
        ------
        LimitExceeded
            If the project's rate is used up; nothing of the batch is stored, and it may be sent again after `retry_after_s`.
        """
        wait_s = self.rate.take(len(batch)) if len(batch) else None
        if wait_s is not None:
            self._count(RATE_LIMIT, len(batch))
            raise LimitExceeded(
                f"{len(batch)} samples are over the project's rate of {self.rate.per_second} samples a second; send them again "
                f"in {wait_s:.0f} s, send fewer, or raise the project's limit {RATE_LIMIT!r} (setting limits.{RATE_LIMIT}, "
                "default 0, which is none)",
                id="rate-limit",
                limit=RATE_LIMIT,
                setting=f"limits.{RATE_LIMIT}",
                retry_after_s=wait_s,
            )
        return self.inner.append(batch)

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics."""
        self.inner.put_metadata(entries)

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        return self.inner.metadata()

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference."""
        return self.inner.put_exemplars(refs, exemplars)

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        return self.inner.exemplars(selectors, start_ms, end_ms)

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the matching series that may have samples in the range."""
        return self.inner.select(matchers, start_ms, end_ms)

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        return self.inner.label_names(selectors, start_ms, end_ms)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        return self.inner.label_values(name, selectors, start_ms, end_ms)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series."""
        return self.inner.series(selectors, start_ms, end_ms)

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range."""
        return self.inner.delete(selectors, start_ms, end_ms)

    def changes(self, since: int | None) -> Changes:
        """Return what changed since an earlier look."""
        return self.inner.changes(since)

    def stats(self) -> StoreStats:
        """Return the size of the store."""
        return self.inner.stats()

    def _count_rejections(self, rejections: Iterable[Rejection]) -> None:
        for rejection in rejections:
            if rejection.limit:
                self._count(rejection.limit, 1)

    def _count(self, limit: str, count: int) -> None:
        self._metrics.count(self._name, limit, count)
