"""
Sealed ticks as samples: what the real-time API answers for a tick is in the store, bit for bit, at the tick's end.

Gauges hold the value of one tick; names that end in ``_total``, ``_bucket``, ``_sum`` and ``_count`` count up since the server
began to see the project or the agent, as Prometheus' counters do. `docs/apm.md` lists every name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from bongsu.apm import names
from bongsu.apm.latency import BOUNDS_S
from bongsu.apm.settings import TICK_MS
from bongsu.apm.ticks import Numbers, apdex, mean_ms
from bongsu.model.labels import METRIC_NAME, series_key
from bongsu.model.samples import STALE_NAN, MetricMetadata, SampleBatch
from bongsu.storage.contract import REFUSED, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from bongsu.apm.identity import AgentId
    from bongsu.apm.ticks import AgentTick, SealedTick, TransactionTotals
    from bongsu.storage.contract import ProjectStore

_NUMBER_NAMES = tuple(field.name for field in fields(Numbers))
_LE = (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf")
_DURATION = "transaction_duration_seconds"

_Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Family:
    """One metric name without its prefix."""

    name: str
    type: str
    help: str


_NUMBER_HELP: Mapping[str, str] = {
    "act_agent": "Agents that are heard.",
    "inact_agent": "Known agents that are silent.",
    "host": "Hosts of the active agents.",
    "cpucore": "Logical processors of those hosts, once per host.",
    "txcount": "Transactions that ended in the tick.",
    "tps": "Transactions per second of the tick.",
    "user": "Distinct users of the last 300 seconds.",
    "actx": "Transactions in flight.",
    "rtime": "Mean response time of the tick in milliseconds.",
    "cpu": "Busy share of the hosts' processors in percent.",
    "threadpool_active": "Busy threads of worker pools.",
    "threadpool_queue": "Work that waits for a thread.",
    "dbc_count": "Open database connections in pools.",
    "dbc_active": "Database connections in use.",
    "dbc_idle": "Idle database connections.",
    "apdex": "Apdex of the tick; 0 without transactions.",
    "act_method": "Transactions in flight that run code.",
    "act_sql": "Transactions in flight that wait for SQL.",
    "act_httpc": "Transactions in flight that wait for an HTTP call.",
    "act_dbc": "Transactions in flight that wait for a database connection.",
    "act_socket": "Transactions in flight that open a socket.",
}

_PROJECT_FAMILIES = (
    *(_Family(name, "gauge", text) for name, text in _NUMBER_HELP.items()),
    _Family("errors", "gauge", "Failed transactions of the tick."),
    _Family("in_flight", "gauge", "Transactions in flight by state and age."),
    _Family("users_exact", "gauge", "1 while the users are counted exactly, 0 while they are estimated."),
    _Family(_DURATION, "histogram", "Response times of transactions."),
    _Family("transaction_errors_total", "counter", "Failed transactions."),
    _Family("late_spans_total", "counter", "Transactions that came after their tick was sealed."),
    _Family("repeated_spans_total", "counter", "Transactions that came more than once."),
)
_AGENT_FAMILIES = (
    _Family("up", "gauge", "1 while the agent is heard, 0 while it is silent."),
    _Family("txcount", "gauge", "Transactions of the agent that ended in the tick."),
    _Family("errors", "gauge", "Failed transactions of the agent in the tick."),
    _Family("tps", "gauge", "Transactions per second of the agent in the tick."),
    _Family("rtime", "gauge", "Mean response time of the agent in the tick in milliseconds."),
    _Family("apdex", "gauge", "Apdex of the agent in the tick; 0 without transactions."),
    _Family("user", "gauge", "Distinct users of the agent in the last 300 seconds."),
    _Family("actx", "gauge", "Transactions in flight in the agent."),
    _Family("in_flight", "gauge", "Transactions in flight in the agent by age."),
    _Family("threadpool_active", "gauge", "Busy threads of the agent's worker pools."),
    _Family("threadpool_queue", "gauge", "Work that waits for a thread of the agent."),
    _Family("dbc_active", "gauge", "Database connections of the agent in use."),
    _Family("dbc_idle", "gauge", "Idle database connections of the agent."),
    _Family(
        "cpu",
        "gauge",
        "Busy share in percent of the agent's host, as the agent sees it; absent when unknown.",
    ),
    _Family("cpucore", "gauge", "Logical processors of the agent's host, as the agent sees it."),
    _Family(
        "sampled",
        "gauge",
        "1 while the agent's transactions are counted by its histograms, as it does not send all spans.",
    ),
    _Family(_DURATION, "histogram", "Response times of the agent's transactions."),
    _Family("transaction_errors_total", "counter", "Failed transactions of the agent."),
)


def metadata() -> list[MetricMetadata]:
    """Return type and help of every name that ticks are written under."""
    return [
        MetricMetadata(prefix + family.name, family.type, family.help)
        for prefix, families in (
            (names.SERIES_PREFIX, _PROJECT_FAMILIES),
            (names.AGENT_PREFIX, _AGENT_FAMILIES),
        )
        for family in families
    ]


def _project_labels() -> Iterator[_Labels]:
    """Yield the labels of a project's series, in the order of `_project_values`."""
    prefix = names.SERIES_PREFIX
    for name in _NUMBER_NAMES:
        yield {METRIC_NAME: prefix + name}
    for state in names.STATES:
        for band in names.BANDS:
            yield {METRIC_NAME: f"{prefix}in_flight", "state": state, "band": band}
    for name in ("errors", "users_exact", "late_spans_total", "repeated_spans_total"):
        yield {METRIC_NAME: prefix + name}
    yield from _sum_labels(prefix, {})


def _project_values(tick: SealedTick) -> Iterator[float]:
    for name in _NUMBER_NAMES:
        yield getattr(tick.numbers, name)
    for state in names.STATES:
        for band in names.BANDS:
            yield sum(agent.gauges.in_flight[state, band] for agent in tick.agents)
    yield tick.transactions.errors
    yield float(tick.users_exact)
    yield tick.late_spans
    yield tick.repeated_spans
    yield from _sum_values(tick.since_start)


def _agent_labels(agent_id: AgentId, host: str) -> Iterator[_Labels]:
    """Yield the labels of an agent's series, in the order of `_agent_values`; ``up`` comes first."""
    prefix = names.AGENT_PREFIX
    own = {"job": agent_id.job, "instance": agent_id.instance, "host": host}
    for family in _AGENT_FAMILIES:
        if family.type == "gauge" and family.name != "in_flight":
            yield {METRIC_NAME: prefix + family.name, **own}
    for band in names.BANDS:
        yield {METRIC_NAME: f"{prefix}in_flight", "band": band, **own}
    yield from _sum_labels(prefix, own)


def _agent_values(agent: AgentTick) -> Iterator[float]:
    totals, gauges = agent.transactions, agent.gauges
    yield float(agent.is_active)
    yield totals.count
    yield totals.errors
    yield round(totals.count * 1000 / TICK_MS, 2)
    yield mean_ms(totals)
    yield apdex(totals)
    yield agent.users
    yield agent.actx
    yield gauges.threadpool_active
    yield gauges.threadpool_queue
    yield gauges.dbc_active
    yield gauges.dbc_idle
    yield STALE_NAN if gauges.cpu is None else gauges.cpu
    yield gauges.cores
    yield float(agent.is_sampled)
    for band in names.BANDS:
        yield sum(gauges.in_flight[state, band] for state in names.STATES)
    yield from _sum_values(agent.since_start)


def _sum_labels(prefix: str, own: _Labels) -> Iterator[_Labels]:
    for le in _LE:
        yield {METRIC_NAME: f"{prefix}{_DURATION}_bucket", "le": le, **own}
    yield {METRIC_NAME: f"{prefix}{_DURATION}_sum", **own}
    yield {METRIC_NAME: f"{prefix}{_DURATION}_count", **own}
    yield {METRIC_NAME: f"{prefix}transaction_errors_total", **own}


def _sum_values(totals: TransactionTotals) -> Iterator[float]:
    running = 0
    for count in totals.buckets:
        running += count
        yield running
    yield totals.elapsed_ns / 1_000_000_000
    yield totals.count
    yield totals.errors


class _Rows:
    """The references of one group of series, resolved once; as long as some are refused, at every tick."""

    __slots__ = ("keys", "refs")

    def __init__(self, labels: Iterator[_Labels]) -> None:
        self.keys = [series_key(entry) for entry in labels]
        self.refs: NDArray[np.int64] | None = None

    def resolved(self, store: ProjectStore) -> NDArray[np.int64]:
        """Return the references; those of refused series are `REFUSED`."""
        if self.refs is not None:
            return self.refs
        refs = store.resolve(self.keys).refs
        if not (refs == REFUSED).any():
            self.refs = refs
        return refs


class TickWriter:
    """
    Writes the sealed ticks of one project. Used by one thread at a time.

    An agent that falls silent has its series ended with stale markers, all but ``up``; a forgotten one has ``up`` ended too.
    """

    def __init__(self, store: ProjectStore) -> None:
        self._store = store
        self._project = _Rows(_project_labels())
        self._agents: dict[tuple[AgentId, str], _Rows] = {}
        self._live: set[tuple[AgentId, str]] = set()
        self._described = False

    def write(self, tick: SealedTick) -> int:
        """
        Write one tick and return when it is durable; return how many samples were refused.

        Raises
        ------
        StoreReadOnly, StoreClosed
            As the store does; the tick may be written again.
        """
        if not self._described:
            self._store.put_metadata(metadata())
            self._described = True
        batch, live, refused = self._batch(tick)
        result = self._store.append(batch)
        if any(rejection.reason is Reason.UNKNOWN_SERIES for rejection in result.rejections):
            # Retention or deletion removed a series for good: resolve all anew, once.
            self._forget_refs()
            batch, live, refused = self._batch(tick)
            result = self._store.append(batch)
        self._live = live
        listed = _listed(tick)
        self._agents = {key: rows for key, rows in self._agents.items() if key in listed}
        return len(result.rejections) + refused

    def _batch(self, tick: SealedTick) -> tuple[SampleBatch, set[tuple[AgentId, str]], int]:
        """Return the samples, the agents that are heard, and how many samples have no series."""
        refs: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float64]] = []
        live: set[tuple[AgentId, str]] = set()

        def put(rows: _Rows, numbers: NDArray[np.float64]) -> None:
            refs.append(rows.resolved(self._store)[: len(numbers)])
            values.append(numbers)

        ends = bool(tick.forgotten) and not tick.agents
        project = np.fromiter(_project_values(tick), dtype=np.float64)
        put(self._project, np.full_like(project, STALE_NAN) if ends else project)
        for agent in tick.agents:
            key = (agent.identity.agent, agent.identity.host)
            if agent.is_active:
                live.add(key)
                put(self._rows(key), np.fromiter(_agent_values(agent), dtype=np.float64))
            elif key in self._live:
                put(self._rows(key), self._ending(key, up=0.0))
            else:
                put(self._rows(key), np.zeros(1))
        for key in (self._live - _listed(tick)) | {(who.agent, who.host) for who in tick.forgotten}:
            put(self._rows(key), self._ending(key, up=STALE_NAN))
        all_refs, all_values = np.concatenate(refs), np.concatenate(values)
        kept = all_refs != REFUSED
        count = int(kept.sum())
        times = np.full(count, tick.end_ms, dtype=np.int64)
        return SampleBatch(all_refs[kept], times, all_values[kept]), live, len(kept) - count

    def _rows(self, key: tuple[AgentId, str]) -> _Rows:
        rows = self._agents.get(key)
        if rows is None:
            rows = self._agents[key] = _Rows(_agent_labels(*key))
        return rows

    def _ending(self, key: tuple[AgentId, str], *, up: float) -> NDArray[np.float64]:
        numbers = np.full(len(self._rows(key).keys), STALE_NAN)
        numbers[0] = up
        return numbers

    def _forget_refs(self) -> None:
        self._project.refs = None
        for rows in self._agents.values():
            rows.refs = None


def _listed(tick: SealedTick) -> set[tuple[AgentId, str]]:
    return {(agent.identity.agent, agent.identity.host) for agent in tick.agents}
