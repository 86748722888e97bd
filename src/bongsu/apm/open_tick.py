"""What waits for a tick to be sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.apm.calls import Service, raised_by
from bongsu.apm.latency import bucket_of
from bongsu.apm.statistics import Tally
from bongsu.apm.ticks import TransactionTotals
from bongsu.apm.transactions import TickTransactions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.apm.agents import Agent
    from bongsu.apm.calls import Raised, Row
    from bongsu.apm.durations import DurationReading
    from bongsu.apm.gauges import MetricState, Report
    from bongsu.apm.sorting import Transaction


@dataclass(slots=True)
class Held:
    """A transaction that is counted when its tick is sealed, unless its parent shows up."""

    transaction: Transaction
    is_nested: bool = False


@dataclass(slots=True)
class OpenTick:
    """
    Everything that came for a tick that is not sealed yet. Not thread-safe: the project's lock guards it.

    Attributes
    ----------
    totals, users
        Of the transactions that are ones for certain.
    seen
        Trace and span ids of all transactions, to know repeated ones.
    held
        Transactions that are dropped if a span of their agent turns out to be their parent, by agent and parent.
    reports, durations
        Gauge reports and duration histograms, in order of arrival.
    services, raised
        Of the transactions that are ones for certain.
    """

    totals: dict[Agent, TransactionTotals] = field(default_factory=dict)
    users: dict[Agent, set[int]] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    held: dict[tuple[Agent, bytes], list[Held]] = field(default_factory=dict)
    reports: list[tuple[MetricState, Report]] = field(default_factory=list)
    durations: list[tuple[Agent, DurationReading]] = field(default_factory=list)
    transactions: TickTransactions = field(default_factory=TickTransactions)
    services: dict[tuple[Agent, str], Tally] = field(default_factory=dict)
    raised: dict[tuple[Agent, Raised], Tally] = field(default_factory=dict)

    def count(self, agent: Agent, transaction: Transaction, apdex_ns: int) -> bool:
        """Add a transaction that is one for certain; return whether it is among those that are kept so far."""
        totals = self.totals.get(agent)
        if totals is None:
            totals = self.totals[agent] = TransactionTotals()
        elapsed, user = transaction.elapsed_ns, transaction.user
        totals.count += 1
        totals.elapsed_ns += elapsed
        totals.buckets[bucket_of(elapsed)] += 1
        if transaction.failed:
            totals.errors += 1
        elif elapsed <= apdex_ns:
            totals.satisfied += 1
        elif elapsed <= 4 * apdex_ns:
            totals.tolerated += 1
        if user is not None:
            self.users.setdefault(agent, set()).add(user)
        self._note(agent, transaction)
        return self.transactions.add(
            transaction.span,
            agent.identity.agent,
            transaction.end_ms,
            elapsed,
            user,
            failed=transaction.failed,
        )

    def _note(self, agent: Agent, transaction: Transaction) -> None:
        """Add a transaction to the statistics."""
        failed, end_ms = transaction.failed, transaction.end_ms
        key = (agent, transaction.service)
        tally = self.services.get(key)
        if tally is None:
            tally = self.services[key] = Tally()
        tally.add(transaction.elapsed_ns, end_ms, failed=failed)
        if failed:
            why = raised_by(transaction.span, transaction.service, transaction.status)
            self.raised.setdefault((agent, why), Tally()).add(transaction.elapsed_ns, end_ms, failed=True)

    def rows(self) -> Iterator[tuple[Agent, Row, Tally]]:
        """Yield what its transactions add to the statistics."""
        for (agent, service), tally in self.services.items():
            yield agent, Service(service), tally
        for (agent, why), tally in self.raised.items():
            yield agent, why, tally
