"""The store's own metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from bongsu.storage.contract import Rejection


class StoreMetrics:
    """Counters and gauges named ``bongsu_tsdb_...``, registered once per store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._samples = Counter("bongsu_tsdb_samples", "Samples written.", registry=registry)
        self._refused = Counter(
            "bongsu_tsdb_refused_rows",
            "Rows and series refused, by error id.",
            ["project", "reason"],
            registry=registry,
        )
        self._groups = Counter(
            "bongsu_tsdb_log_groups", "Groups of records made durable by one fsync.", registry=registry
        )
        self._records = Counter("bongsu_tsdb_log_records", "Records written to the log.", registry=registry)
        self._bytes = Counter("bongsu_tsdb_log_bytes", "Bytes written to the log.", registry=registry)
        self._replayed = Counter(
            "bongsu_tsdb_log_replayed_records", "Records read back at the start.", registry=registry
        )
        self._damaged = Counter(
            "bongsu_tsdb_damaged_parts",
            "Damaged parts of files that were set aside.",
            ["where"],
            registry=registry,
        )
        self._torn = Counter(
            "bongsu_tsdb_log_torn_bytes", "Bytes of unfinished writes cut off the log.", registry=registry
        )
        self._upkeep_failures = Counter(
            "bongsu_tsdb_upkeep_failures",
            "Upkeep of a project that failed and is tried again.",
            registry=registry,
        )
        self._read_only = Gauge(
            "bongsu_tsdb_read_only", "1 while writes are refused because of the disk.", registry=registry
        )

    def group_written(self, records: int, size: int) -> None:
        """Count one group of the log."""
        self._groups.inc()
        self._records.inc(records)
        self._bytes.inc(size)

    def set_read_only(self, *, read_only: bool) -> None:
        """Show whether writes are refused."""
        self._read_only.set(read_only)

    def samples_written(self, count: int) -> None:
        """Count samples that were acknowledged."""
        self._samples.inc(count)

    def refused(self, project: str, rejections: Iterable[Rejection]) -> None:
        """Count refusals by reason."""
        for rejection in rejections:
            self._refused.labels(project, rejection.reason.value).inc()

    def replayed(self) -> None:
        """Count one record of the replay."""
        self._replayed.inc()

    def damaged(self, where: str) -> None:
        """Count a damaged part that was set aside."""
        self._damaged.labels(where).inc()

    def upkeep_failed(self) -> None:
        """Count upkeep that failed."""
        self._upkeep_failures.inc()

    def torn(self, size: int) -> None:
        """Count the bytes of a torn tail."""
        self._torn.inc(size)
