"""
Sealed ticks: what happened in five seconds, per agent, and the project's numbers as the fold of it.

Everything here is immutable. Sums are integers (counts, nanoseconds), so that the fold is exact in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.apm import names
from bongsu.apm.latency import BUCKETS
from bongsu.apm.settings import TICK_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bongsu.apm.identity import Identity

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class TransactionTotals:
    """
    Sums over the transactions of a tick, filled while it is open, read only when it is sealed.

    Attributes
    ----------
    elapsed_ns
        Sum of the durations, failed transactions included.
    satisfied, tolerated
        Transactions within the Apdex threshold, and within four times that; failed ones are neither.
    buckets
        Transactions by response time (`bongsu.apm.latency`), not cumulative.
    """

    count: int = 0
    errors: int = 0
    elapsed_ns: int = 0
    satisfied: int = 0
    tolerated: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, other: TransactionTotals) -> None:
        """Add the sums of another."""
        self.count += other.count
        self.errors += other.errors
        self.elapsed_ns += other.elapsed_ns
        self.satisfied += other.satisfied
        self.tolerated += other.tolerated
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]


@dataclass(frozen=True, slots=True)
class Gauges:
    """
    The gauges of one agent at the end of a tick; zero where the agent sends none.

    Attributes
    ----------
    in_flight
        Transactions in flight by (state, band); every combination is present.
    cpu
        Busy share of the host in percent, None when unknown; with the time of the report.
    """

    in_flight: Mapping[tuple[str, str], int] = field(default_factory=lambda: NO_IN_FLIGHT)
    threadpool_active: int = 0
    threadpool_queue: int = 0
    dbc_active: int = 0
    dbc_idle: int = 0
    cpu: float | None = None
    cpu_time_ms: int = 0
    cores: int = 0


NO_IN_FLIGHT: Mapping[tuple[str, str], int] = {(s, b): 0 for s in names.STATES for b in names.BANDS}


@dataclass(frozen=True, slots=True)
class AgentTick:
    """
    One agent in one tick.

    Attributes
    ----------
    since_start
        Transactions since the agent is known.
    users
        Distinct users of the user window.
    is_sampled
        Its spans are not all sent, and its transactions are those of its duration histograms.
    """

    identity: Identity
    is_active: bool
    transactions: TransactionTotals
    since_start: TransactionTotals
    users: int
    gauges: Gauges
    is_sampled: bool = False

    @property
    def actx(self) -> int:
        """Transactions in flight."""
        return sum(self.gauges.in_flight.values())


@dataclass(frozen=True, slots=True)
class Numbers:
    """
    The real-time numbers, each as the API of the same name answers it.

    `tps` and `cpu` have two decimals, `apdex` four, `rtime` is whole milliseconds; everything else is a count. Nothing is ever
    NaN: what has no data is 0.
    """

    act_agent: int = 0
    inact_agent: int = 0
    host: int = 0
    cpucore: int = 0
    txcount: int = 0
    tps: float = 0.0
    user: int = 0
    actx: int = 0
    rtime: int = 0
    cpu: float = 0.0
    threadpool_active: int = 0
    threadpool_queue: int = 0
    dbc_count: int = 0
    dbc_active: int = 0
    dbc_idle: int = 0
    apdex: float = 0.0
    act_method: int = 0
    act_sql: int = 0
    act_httpc: int = 0
    act_dbc: int = 0
    act_socket: int = 0


@dataclass(frozen=True, slots=True)
class SealedTick:
    """
    One tick of a project, final.

    Attributes
    ----------
    end_ms
        The tick covers ``[end_ms - 5000, end_ms)``; its samples are stored at `end_ms`.
    agents
        All known agents, active and inactive, in order of their identities.
    forgotten
        Agents that were silent for so long that they are no longer known.
    transactions
        Sums over the agents.
    since_start
        Sums since the project's state began, over agents that were forgotten too.
    late_spans, repeated_spans
        Transactions since the state began that came after their tick was sealed, or twice.
    users_exact
        Whether `numbers.user` is exact, not an estimate.
    """

    end_ms: int
    numbers: Numbers = field(default_factory=Numbers)
    agents: tuple[AgentTick, ...] = ()
    forgotten: tuple[Identity, ...] = ()
    transactions: TransactionTotals = field(default_factory=TransactionTotals)
    since_start: TransactionTotals = field(default_factory=TransactionTotals)
    late_spans: int = 0
    repeated_spans: int = 0
    users_exact: bool = True


def fold(agents: Sequence[AgentTick], users: int) -> Numbers:
    """
    Return the project's numbers from its agents' ticks.

    Parameters
    ----------
    users
        Distinct users of the project; a union, so it cannot be folded from counts. It is held to at most their sum, which an
        estimate could exceed.
    """
    active = [agent for agent in agents if agent.is_active]
    totals = sum_transactions(agent.transactions for agent in agents)
    cpu, cores = _by_host(active)
    in_flight = {
        state: sum(agent.gauges.in_flight[state, band] for agent in active for band in names.BANDS)
        for state in names.STATES
    }
    dbc_active = sum(agent.gauges.dbc_active for agent in active)
    dbc_idle = sum(agent.gauges.dbc_idle for agent in active)
    return Numbers(
        act_agent=len(active),
        inact_agent=len(agents) - len(active),
        host=len(cores),
        cpucore=sum(cores.values()),
        txcount=totals.count,
        tps=round(totals.count * 1000 / TICK_MS, 2),
        user=min(users, sum(agent.users for agent in agents)),
        actx=sum(in_flight.values()),
        rtime=mean_ms(totals),
        cpu=round(math.fsum(cpu.values()) / len(cpu), 2) if cpu else 0.0,
        threadpool_active=sum(agent.gauges.threadpool_active for agent in active),
        threadpool_queue=sum(agent.gauges.threadpool_queue for agent in active),
        dbc_count=dbc_active + dbc_idle,
        dbc_active=dbc_active,
        dbc_idle=dbc_idle,
        apdex=apdex(totals),
        act_method=in_flight["method"],
        act_sql=in_flight["sql"],
        act_httpc=in_flight["httpc"],
        act_dbc=in_flight["dbc"],
        act_socket=in_flight["socket"],
    )


def sum_transactions(parts: Iterable[TransactionTotals]) -> TransactionTotals:
    """Return the sum of totals, newly made."""
    total = TransactionTotals()
    for part in parts:
        if part.count:
            total.add(part)
    return total


def mean_ms(totals: TransactionTotals) -> int:
    """Return the mean duration in whole milliseconds, truncated; 0 without transactions."""
    return totals.elapsed_ns // (totals.count * _NS_PER_MS) if totals.count else 0


def apdex(totals: TransactionTotals) -> float:
    """Return (satisfied + tolerated / 2) / all with four decimals; 0 without transactions."""
    return round((totals.satisfied + totals.tolerated / 2) / totals.count, 4) if totals.count else 0.0


def _by_host(active: Sequence[AgentTick]) -> tuple[dict[str, float], dict[str, int]]:
    """
    Return each host's CPU percentage and cores, once however many agents run on it.

    The newest CPU report of a host counts; of cores the highest, since a container may see only its share.
    """
    newest: dict[str, tuple[int, float]] = {}
    cores: dict[str, int] = {}
    for agent in active:
        host, gauges = agent.identity.host, agent.gauges
        cores[host] = max(cores.get(host, 0), gauges.cores)
        if gauges.cpu is not None:
            newest[host] = max(newest.get(host, (0, 0.0)), (gauges.cpu_time_ms, gauges.cpu))
    return {host: cpu for host, (_, cpu) in newest.items()}, cores
