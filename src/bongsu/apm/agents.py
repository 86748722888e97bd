"""What is kept of each agent between ticks. Nothing here is thread-safe: the project's lock guards it."""

from __future__ import annotations

import statistics
from collections import deque
from typing import TYPE_CHECKING

from bongsu.apm import gauges as g
from bongsu.apm import names
from bongsu.apm.durations import DurationCounts
from bongsu.apm.gauges import MetricState, Role
from bongsu.apm.ticks import NO_IN_FLIGHT, Gauges, TransactionTotals

if TYPE_CHECKING:
    from bongsu.apm.identity import Identity
    from bongsu.apm.settings import ApmSettings
    from bongsu.apm.users import UserWindow

_GAPS_KEPT = 5
"""Gaps between reports whose median is the interval: two odd ones do no harm."""
_BURST_MS = 1_000
"""Posts that follow each other faster belong to one report (several batches, several exporters)."""
_LONGEST_GAP_MS = 120_000
"""As in `bongsu.apm.gauges`: a longer pause is an outage or idleness."""
_MAX_METRICS = 256
"""Metrics of one agent by scope and name; there are about twenty names."""


class Pulse:
    """When reports of one kind arrive, and how far apart."""

    __slots__ = ("_gaps", "newest_ms")

    def __init__(self) -> None:
        self.newest_ms = 0
        self._gaps: deque[int] = deque(maxlen=_GAPS_KEPT)

    def beat(self, now_ms: int) -> None:
        """Note an arrival."""
        gap = now_ms - self.newest_ms
        if self.newest_ms and gap < _BURST_MS:
            return
        if self.newest_ms and gap <= _LONGEST_GAP_MS:
            self._gaps.append(gap)
        self.newest_ms = now_ms

    @property
    def interval_ms(self) -> float:
        """Median gap between reports; 0 while unknown."""
        return statistics.median(self._gaps) if self._gaps else 0.0


class Skew:
    """
    Correction of an agent's clock, where it is off by more than a limit.

    A span cannot have ended after it arrived: a clock that is ahead shows at once. A clock that is behind looks like a backlog
    sent after an outage; but a backlog shrinks, and a wrong clock stays wrong, so two batches in a row, at least a second apart,
    must be late by the same amount.
    """

    __slots__ = ("_at_ms", "_lag_ms", "_limit_ms")

    _SAME_LAG_MS = 5_000
    """Batches of a span processor are up to 5 s old."""

    def __init__(self, limit_ms: int) -> None:
        self._limit_ms = limit_ms
        self._lag_ms: int | None = None
        self._at_ms = 0

    def shift(self, newest_ms: int, now_ms: int) -> int:
        """Return the milliseconds to add to the times of a batch whose newest one is given."""
        lag = now_ms - newest_ms
        if lag < -self._limit_ms:
            return lag
        if lag <= self._limit_ms:
            self._lag_ms = None
            return 0
        before = self._lag_ms
        if before is None or now_ms - self._at_ms >= _BURST_MS:
            self._lag_ms, self._at_ms = lag, now_ms
        return lag if before is not None and abs(lag - before) <= self._SAME_LAG_MS else 0


class Agent:
    """
    One agent: its pulse, its gauges, its users and its sums since it is known.

    `spans` counts the spans of the kinds of transactions that came since the newest tick was sealed.
    """

    __slots__ = (
        "durations",
        "identity",
        "metric_pulse",
        "metrics",
        "since_start",
        "skew",
        "span_pulse",
        "spans",
        "users",
    )

    def __init__(self, identity: Identity, settings: ApmSettings, users: UserWindow, since_ms: int) -> None:
        self.identity = identity
        self.span_pulse, self.metric_pulse = Pulse(), Pulse()
        self.skew = Skew(settings.max_skew_ms)
        self.metrics: dict[tuple[str, str], MetricState] = {}
        self.durations = DurationCounts(since_ms, settings.apdex_ms)
        self.since_start = TransactionTotals()
        self.spans = 0
        self.users = users

    @property
    def newest_ms(self) -> int:
        """When anything came last."""
        return max(self.span_pulse.newest_ms, self.metric_pulse.newest_ms)

    def is_active(self, at_ms: int, settings: ApmSettings) -> bool:
        """
        Tell whether the agent is heard at a time.

        The interval between metric reports decides where there are any, since they come without traffic too.
        """
        interval = self.metric_pulse.interval_ms or self.span_pulse.interval_ms
        silence = max(settings.agent_silence_ms, settings.agent_silence_intervals * interval)
        return at_ms - self.newest_ms <= silence

    def streams(self) -> int:
        """Return how many streams of gauges and histograms are kept."""
        return sum(map(len, self.metrics.values())) + len(self.durations)

    def metric(self, scope: str, name: str) -> MetricState | None:
        """Return the state of a metric, made when it is new; None when the agent has too many."""
        state = self.metrics.get((scope, name))
        if state is None and len(self.metrics) < _MAX_METRICS:
            state = self.metrics[scope, name] = MetricState(name, g.KNOWN[name])
        return state

    def gauges(self, at_ms: int, settings: ApmSettings) -> Gauges:
        """Return the agent's gauges at a time."""
        current = [state for state in self.metrics.values() if state.is_current(at_ms, settings)]
        if not current:
            return Gauges()
        used, idle = _connections(current)
        busy = g.cpu_busy(current)
        return Gauges(
            in_flight=_in_flight(current),
            threadpool_active=_own_or_other(current, Role.POOL_ACTIVE, Role.POOL_ACTIVE_OTHER),
            threadpool_queue=_own_or_other(current, Role.POOL_QUEUE, Role.POOL_QUEUE_OTHER),
            dbc_active=used,
            dbc_idle=idle,
            cpu=None if busy is None else 100.0 * busy[1],
            cpu_time_ms=0 if busy is None else busy[0],
            cores=g.cores(current),
        )


def _in_flight(states: list[MetricState]) -> dict[tuple[str, str], int]:
    """Return the transactions in flight; the OpenTelemetry metric counts only where ours is missing, as young METHOD."""
    in_flight = dict(NO_IN_FLIGHT)
    ours = [state for state in states if state.known.role is Role.TRANSACTIONS]
    for state in ours:
        for slot, value in state.by_slot().items():
            in_flight[slot[0], slot[1]] += _count(value)
    if not ours:
        requests = sum(state.total() for state in states if state.known.role is Role.REQUESTS)
        in_flight[names.STATES[0], names.BANDS[0]] = _count(requests)
    return in_flight


def _own_or_other(states: list[MetricState], own: Role, other: Role) -> int:
    """Return the sum under our own name, else under the names of others: an agent may send both for the same pool."""
    for role in (own, other):
        found = [state.total() for state in states if state.known.role is role]
        if found:
            return _count(sum(found))
    return 0


def _connections(states: list[MetricState]) -> tuple[int, int]:
    """Return used and idle database connections, from the best name that the agent sends."""
    found = [state for state in states if state.known.role is Role.CONNECTIONS]
    best = min((state.known.rank for state in found), default=0)
    used = idle = 0.0
    for state in found:
        if state.known.rank == best:
            slots = state.by_slot()
            used += slots.get(("used",), 0.0)
            idle += slots.get(("idle",), 0.0)
    return _count(used), _count(idle)


def _count(value: float) -> int:
    """Return a gauge as a count: an up-down counter that lost an event may be below zero."""
    return max(0, round(value))
