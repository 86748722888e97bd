"""
Gauges of one agent: which OTLP metrics count, and the newest report of each.

Of a metric the newest report counts: a stream (set of attributes) that is missing from it is gone, because SDKs send all
streams of a metric together. Reports in delta temporality are added up instead, from what they began with.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names
from bongsu.wire.otlp.values import MetricKind, NumberPoint, Temporality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.apm.settings import ApmSettings
    from bongsu.wire.otlp.values import Attributes, Metric

_SAME_REPORT_MS = 1_000
"""Points of one collection may carry times that differ by the duration of the collection."""

_LONGEST_INTERVAL_MS = 120_000
"""Twice OpenTelemetry's default of 60 s; a longer pause between reports is an outage, not an interval."""

_MAX_STREAMS = 4_096
"""Streams of one metric of one agent: a pool with that many names is a mistake in naming."""


_MOST_CHARACTERS = 256
"""Of an attribute's value: streams that differ only beyond it are one."""


class Role(enum.Enum):
    """What a metric tells of its agent."""

    TRANSACTIONS = "transactions in flight by state and band"
    REQUESTS = "requests in flight"
    POOL_ACTIVE = "busy threads, under our name"
    POOL_QUEUE = "queued work, under our name"
    POOL_ACTIVE_OTHER = "busy threads, under another name"
    POOL_QUEUE_OTHER = "queued work, under another name"
    CONNECTIONS = "database connections by state"
    CPU_UTILIZATION = "share of time by processor and mode"
    CPU_TIME = "time by processor and mode"
    CPU_WHOLE = "host's share of busy time"
    CPU_PROCESS = "process' share of the host's time"
    CORES = "logical processors"


class Known(NamedTuple):
    """Role of a metric, and its rank among the metrics of that role: lower is better."""

    role: Role
    rank: int = 0


def _ranked(role: Role, metric_names: tuple[str, ...]) -> dict[str, Known]:
    return {name: Known(role, rank) for rank, name in enumerate(metric_names)}


KNOWN: dict[str, Known] = {
    names.TRANSACTIONS_ACTIVE: Known(Role.TRANSACTIONS),
    names.THREADPOOL_ACTIVE: Known(Role.POOL_ACTIVE),
    names.THREADPOOL_QUEUE: Known(Role.POOL_QUEUE),
    names.CPU_UTILIZATION: Known(Role.CPU_UTILIZATION),
    names.CPU_TIME: Known(Role.CPU_TIME),
    names.CPU_UTILIZATION_WHOLE: Known(Role.CPU_WHOLE),
    **_ranked(Role.REQUESTS, names.ACTIVE_REQUESTS),
    **_ranked(Role.POOL_ACTIVE_OTHER, names.THREADPOOL_ACTIVE_OTHERS),
    **_ranked(Role.POOL_QUEUE_OTHER, names.THREADPOOL_QUEUE_OTHERS),
    **_ranked(Role.CONNECTIONS, names.DB_CONNECTIONS),
    **_ranked(Role.CORES, names.CPU_CORES),
    **_ranked(Role.CPU_PROCESS, names.CPU_PROCESS),
}
"""Every metric that is read for its newest value."""

Slot = tuple[str, ...]
"""What a stream stands for within its role: (state, band), (connection state,), (processor, mode) or nothing."""

StreamKey = tuple[tuple[str, str], ...]


class Reading(NamedTuple):
    """One stream's value in a report."""

    key: StreamKey
    slot: Slot
    value: float


class Report(NamedTuple):
    """The points of one metric that share a time."""

    time_ms: int
    is_delta: bool
    readings: tuple[Reading, ...]


def read_reports(metric: Metric, role: Role) -> Iterator[Report]:
    """Yield the reports that a metric holds, in order of time; a time of 0 means that the sender gave none."""
    if metric.kind not in {MetricKind.GAUGE, MetricKind.SUM}:
        return
    by_time: dict[int, list[Reading]] = {}
    for point in metric.points:
        if isinstance(point, NumberPoint) and not point.absent and math.isfinite(point.value):
            key = stream_key(point.attributes)
            reading = Reading(key, _slot(role, point.attributes), float(point.value))
            by_time.setdefault(point.time_ns // 1_000_000, []).append(reading)
    for time_ms, readings in sorted(by_time.items()):
        yield Report(time_ms, metric.temporality == Temporality.DELTA, tuple(readings))


def stream_key(attributes: Attributes) -> StreamKey:
    """Return what tells a stream from the others of its metric."""
    return tuple(sorted((name, str(value)[:_MOST_CHARACTERS]) for name, value in attributes.items()))


def _slot(role: Role, attributes: Attributes) -> Slot:
    if role is Role.TRANSACTIONS:
        state, band = attributes.get(names.STATE), attributes.get(names.BAND)
        return (
            state if isinstance(state, str) and state in names.STATES else names.STATES[0],
            band if isinstance(band, str) and band in names.BANDS else names.BANDS[0],
        )
    if role is Role.CONNECTIONS:
        return (_first(attributes, names.DB_STATE_KEYS),)
    if role in {Role.CPU_UTILIZATION, Role.CPU_TIME}:
        return (_first(attributes, names.CPU_NUMBER_KEYS), _first(attributes, names.CPU_MODE_KEYS))
    return ()


def _first(attributes: Attributes, keys: tuple[str, ...]) -> str:
    return next((str(attributes[key]) for key in keys if key in attributes), "")


class MetricState:
    """
    What is known of one metric of one agent. Not thread-safe: the project's lock guards it.

    `previous` holds the values of the report before the newest one, for metrics that count up.
    """

    __slots__ = ("_delta_times", "interval_ms", "known", "name", "previous", "time_ms", "values")

    def __init__(self, name: str, known: Known) -> None:
        self.name = name
        self.known = known
        self.time_ms = 0
        self.interval_ms = 0
        self.values: dict[StreamKey, tuple[Slot, float]] = {}
        self.previous: dict[StreamKey, tuple[Slot, float]] = {}
        self._delta_times: dict[StreamKey, int] = {}

    def put(self, report: Report, *, takes_new: bool = True) -> None:
        """Take a report; one that is older than the newest is left out, and so are new streams where none are taken."""
        if report.time_ms < self.time_ms - _SAME_REPORT_MS:
            return
        if report.time_ms > self.time_ms + _SAME_REPORT_MS:
            self._begin(report)
        known = self.values if report.is_delta else self.previous
        self.time_ms = max(self.time_ms, report.time_ms)
        for key, slot, value in report.readings:
            if report.is_delta:
                if report.time_ms <= self._delta_times.get(key, 0):
                    continue  # a request that was sent again
                self._delta_times[key] = report.time_ms
                value += self.values[key][1] if key in self.values else 0.0
            if key in self.values or (len(self.values) < _MAX_STREAMS and (takes_new or key in known)):
                self.values[key] = (slot, value)

    def _begin(self, report: Report) -> None:
        """Start on a newer report."""
        if self.time_ms:
            self.interval_ms = min(report.time_ms - self.time_ms, _LONGEST_INTERVAL_MS)
        self.previous = self.values
        self.values = dict(self.values) if report.is_delta else {}

    def __len__(self) -> int:
        """Return how many streams are kept."""
        return max(len(self.values), len(self.previous))

    def is_current(self, at_ms: int, settings: ApmSettings) -> bool:
        """Tell whether the newest report still counts at a time."""
        lookback = max(settings.gauge_lookback_ms, settings.gauge_lookback_intervals * self.interval_ms)
        return bool(self.values) and self.time_ms > at_ms - lookback

    def total(self) -> float:
        """Return the sum of the streams."""
        return math.fsum(value for _, value in self.values.values())

    def by_slot(self) -> dict[Slot, float]:
        """Return the sum of the streams of each slot."""
        sums: dict[Slot, float] = {}
        for slot, value in self.values.values():
            sums[slot] = sums.get(slot, 0.0) + value
        return sums


def cpu_busy(states: list[MetricState]) -> tuple[int, float] | None:
    """
    Return the time and the host's busy share (0 to 1) that an agent's metrics tell, or None.

    The share of time is best, since the sender computed it between two of its own readings; then counted time between the two
    newest reports; then a share without modes; at last the process' own share, by mode or not.
    """
    for role, share in (
        (Role.CPU_UTILIZATION, _busy_share),
        (Role.CPU_TIME, _busy_time),
        (Role.CPU_WHOLE, _whole_share),
        (Role.CPU_PROCESS, MetricState.total),
    ):
        for state in states:
            if state.known.role is role and (busy := share(state)) is not None:
                return state.time_ms, min(1.0, max(0.0, busy))
    return None


def _busy_share(state: MetricState) -> float | None:
    """Return one minus the mean idle share of the processors, or, where no idle is sent, the mean of the sums."""
    processors = {slot[0] for slot, _ in state.values.values()}
    idle = [value for (_, mode), value in state.by_slot().items() if mode == "idle"]
    if idle:
        return 1.0 - math.fsum(idle) / len(idle)
    return state.total() / len(processors) if processors else None


def _busy_time(state: MetricState) -> float | None:
    """Return the share of the time counted since the report before that was not idle; None after a reset."""
    grown = {
        key: (slot, value - state.previous[key][1])
        for key, (slot, value) in state.values.items()
        if key in state.previous
    }
    whole = math.fsum(value for _, value in grown.values())
    if whole <= 0 or any(value < 0 for _, value in grown.values()):
        return None
    return 1.0 - math.fsum(value for slot, value in grown.values() if slot[1] == "idle") / whole


def _whole_share(state: MetricState) -> float | None:
    return state.total() / len(state.values) if state.values else None


def cores(states: list[MetricState]) -> int:
    """Return the host's logical processors that an agent's metrics tell, 0 when they tell none."""
    gauges = sorted((s for s in states if s.known.role is Role.CORES), key=lambda state: state.known.rank)
    for state in gauges:
        if (count := max((value for _, value in state.values.values()), default=0.0)) >= 1:
            return int(count)
    counted = [
        len({slot[0] for slot, _ in state.values.values() if slot[0]})
        for state in states
        if state.known.role in {Role.CPU_UTILIZATION, Role.CPU_TIME}
    ]
    return max(counted, default=0)
