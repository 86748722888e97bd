"""
Counts and times by statement, address, exception and service, in steps of five minutes, for a day at most.

In memory only, within a budget: of each step and kind a number of rows are told apart, what comes beyond is counted in one row of others,
so that sums stay whole; and while there are too many rows, the oldest steps go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bongsu.apm.calls import HttpCall, Query, Raised, Row, Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bongsu.apm.identity import AgentId

STEP_MS = 300_000
"""As coarse as the original's statistics: a day of them is 288 steps."""

OTHERS = "(others)"

_OTHERS: Mapping[type[Row], Row] = {
    Service: Service(OTHERS),
    Query: Query(OTHERS, OTHERS),
    HttpCall: HttpCall(OTHERS, 0, OTHERS, OTHERS),
    Raised: Raised(OTHERS, OTHERS, OTHERS),
}

RowType = TypeVar("RowType", Service, Query, HttpCall, Raised)


@dataclass(slots=True)
class Tally:
    """
    Sums over what is one row.

    Attributes
    ----------
    squares
        Sum of the squared durations in ms².
    rows
        That queries answered.
    newest_ms
        End of the newest.
    """

    count: int = 0
    errors: int = 0
    elapsed_ns: int = 0
    least_ns: int = 0
    most_ns: int = 0
    squares: float = 0.0
    rows: int = 0
    newest_ms: int = 0

    def add(self, elapsed_ns: int, end_ms: int, *, failed: bool, rows: int = 0) -> None:
        """Add one."""
        if elapsed_ns < self.least_ns or not self.count:
            self.least_ns = elapsed_ns
        if elapsed_ns > self.most_ns:
            self.most_ns = elapsed_ns
        if end_ms > self.newest_ms:
            self.newest_ms = end_ms
        self.count += 1
        self.errors += failed
        self.elapsed_ns += elapsed_ns
        self.squares += (elapsed_ns / 1_000_000) ** 2
        self.rows += rows

    def merge(self, other: Tally) -> None:
        """Add the sums of another."""
        if not other.count:
            return
        self.least_ns = min(self.least_ns, other.least_ns) if self.count else other.least_ns
        self.most_ns = max(self.most_ns, other.most_ns)
        self.newest_ms = max(self.newest_ms, other.newest_ms)
        self.count += other.count
        self.errors += other.errors
        self.elapsed_ns += other.elapsed_ns
        self.squares += other.squares
        self.rows += other.rows


class Statistics:
    """
    The statistics of one project. Not thread-safe: the project's lock guards it.

    Parameters
    ----------
    per_step
        Rows of one kind in one step, over all agents.
    capacity
        Rows of all steps; one takes some 500 bytes.
    keep_ms
        Age at which a step goes.
    """

    def __init__(self, per_step: int, capacity: int, keep_ms: int) -> None:
        self._per_step = per_step
        self._capacity = capacity
        self._keep_ms = keep_ms
        self._steps: dict[int, dict[type[Row], dict[tuple[AgentId, Row], Tally]]] = {}
        self._rows = 0

    def __len__(self) -> int:
        """Return how many rows are kept."""
        return self._rows

    def add(self, agent: AgentId, row: Row, end_ms: int, tally: Tally, *, now_ms: int) -> None:
        """Add what an agent did that ended at a time; what is older than what is kept is left out."""
        if end_ms <= now_ms - self._keep_ms:
            return
        kinds = self._steps.setdefault(end_ms // STEP_MS, {})
        rows = kinds.setdefault(type(row), {})
        known = rows.get((agent, row))
        if known is None:
            if len(rows) >= self._per_step:
                row = _OTHERS[type(row)]
            if (agent, row) not in rows:
                rows[agent, row] = Tally()
                self._rows += 1
            known = rows[agent, row]
        known.merge(tally)

    def forget(self, now_ms: int) -> None:
        """Let steps go that are too old, and the oldest while there are too many rows."""
        for step in sorted(self._steps):
            is_old = (step + 1) * STEP_MS <= now_ms - self._keep_ms
            if not (is_old or (self._rows > self._capacity and len(self._steps) > 1)):
                return
            self._rows -= sum(map(len, self._steps.pop(step).values()))

    def find(
        self, kind: type[RowType], start_ms: int, end_ms: int
    ) -> Iterator[tuple[AgentId, RowType, Tally]]:
        """Yield the rows of a kind of the steps that begin in ``[start_ms, end_ms)``; the tallies are the kept ones."""
        for step, kinds in self._steps.items():
            if start_ms <= step * STEP_MS < end_ms:
                for (agent, row), tally in kinds.get(kind, {}).items():
                    assert isinstance(row, kind), "BUG: rows are kept by their kind"
                    yield agent, row, tally


def merged(found: Iterable[tuple[AgentId, RowType, Tally]]) -> dict[RowType, tuple[Tally, set[AgentId]]]:
    """Return each row once, with its sums and the agents that it comes from."""
    rows: dict[RowType, tuple[Tally, set[AgentId]]] = {}
    for agent, row, tally in found:
        sums, agents = rows.setdefault(row, (Tally(), set()))
        sums.merge(tally)
        agents.add(agent)
    return rows
