"""
What is kept of single transactions: the hit map of every tick, and its slowest and its failed transactions.

In memory only, for a day at most and within a budget. When it is used up the oldest ticks keep the slower half of what they have, again and
again: so there is something of every tick for as long as one of each kind fits.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.apm.identity import AgentId
    from bongsu.wire.otlp.values import Attributes, Span


def _bounds() -> tuple[int, ...]:
    steps = ((5_000, 125), (10_000, 250), (20_000, 500), (40_000, 1_000), (80_000, 2_000))
    bounds: list[int] = []
    begin = 0
    for end, step in steps:
        bounds += range(begin, end, step)
        begin = end
    return tuple(bounds)


HITMAP_BOUNDS_MS = _bounds()
"""Lower bound of each row of the hit map: fine where most transactions are; the last row has no upper bound."""

_KEPT_SLOWEST = 20
_KEPT_FAILED = 20
"""Of each tick: what fits on a page, and enough to see what they have in common."""
_ROOM = 0.9
"""Share of the budget that is left used when it was exceeded, so that it is rarely exceeded."""


class HitMap(NamedTuple):
    """Transactions of one tick by response time: row of `HITMAP_BOUNDS_MS`, those that were well, those that failed."""

    end_ms: int
    rows: tuple[tuple[int, int, int], ...]


class KeptTransaction(NamedTuple):
    """One transaction; `user` is the hash of its user, `status` the HTTP status or 0."""

    end_ms: int
    elapsed_ns: int
    failed: bool
    agent: AgentId
    name: str
    route: str
    status: int
    user: int | None
    trace_id: bytes
    span_id: bytes
    message: str


class TickTransactions:
    """Collects the transactions of an open tick. Not thread-safe: the project's lock guards it."""

    __slots__ = ("_added", "_failed", "_rows", "_slowest")

    def __init__(self) -> None:
        self._rows: dict[int, list[int]] = {}
        self._slowest: list[tuple[int, int, KeptTransaction]] = []
        self._failed: list[tuple[int, int, KeptTransaction]] = []
        self._added = 0

    def add(
        self, span: Span, agent: AgentId, end_ms: int, elapsed_ns: int, user: int | None, *, failed: bool
    ) -> bool:
        """Count a transaction, and keep it while it is among the slowest; return whether it is now."""
        row = self._rows.setdefault(bisect_right(HITMAP_BOUNDS_MS, elapsed_ns // 1_000_000) - 1, [0, 0])
        row[failed] += 1
        heap, size = (self._failed, _KEPT_FAILED) if failed else (self._slowest, _KEPT_SLOWEST)
        if len(heap) >= size and elapsed_ns <= heap[0][0]:
            return False
        kept = _kept(span, agent, end_ms, elapsed_ns, user, failed=failed)
        self._added += 1  # tells equally slow ones apart
        entry = (elapsed_ns, self._added, kept)
        if len(heap) < size:
            heapq.heappush(heap, entry)
        else:
            heapq.heapreplace(heap, entry)
        return True

    def hit_map(self, end_ms: int) -> HitMap:
        """Return the tick's hit map."""
        return HitMap(
            end_ms, tuple((row, well, failed) for row, (well, failed) in sorted(self._rows.items()))
        )

    def kept(self) -> list[KeptTransaction]:
        """Return the kept transactions, the slowest first."""
        return [entry[2] for entry in sorted((*self._slowest, *self._failed), reverse=True)]


class TransactionLog:
    """
    The hit maps and kept transactions of a project's past. Not thread-safe: the project's lock guards it.

    Parameters
    ----------
    capacity
        Transactions that are kept; one takes about 600 bytes.
    keep_ms
        Age at which hit maps and transactions go.
    """

    def __init__(self, capacity: int, keep_ms: int) -> None:
        self._capacity = capacity
        self._keep_ms = keep_ms
        self._maps: deque[HitMap] = deque()
        self._ticks: deque[tuple[int, list[KeptTransaction]]] = deque()
        self._kept = 0

    def append(self, end_ms: int, tick: TickTransactions) -> list[KeptTransaction]:
        """Take a sealed tick, newer than all before; return the transactions that are kept no longer."""
        new = tick.kept()
        if new:
            self._maps.append(tick.hit_map(end_ms))
            self._ticks.append((end_ms, new))
            self._kept += len(new)
        oldest = end_ms - self._keep_ms
        while self._maps and self._maps[0].end_ms <= oldest:
            self._maps.popleft()
        gone: list[KeptTransaction] = []
        while self._ticks and self._ticks[0][0] <= oldest:
            gone += self._drop_oldest()
        if self._kept > self._capacity:
            gone += self._thin()
        while self._ticks and self._kept > self._capacity:
            gone += self._drop_oldest()
        return gone

    def _drop_oldest(self) -> list[KeptTransaction]:
        kept = self._ticks.popleft()[1]
        self._kept -= len(kept)
        return kept

    def _thin(self) -> list[KeptTransaction]:
        """Halve what is kept of the oldest ticks until there is room again; return what is kept no longer."""
        gone: list[KeptTransaction] = []
        room = int(self._capacity * _ROOM)
        for place, (end_ms, kept) in enumerate(self._ticks):
            if self._kept <= room:
                break
            slower, others = _halves(kept)
            self._ticks[place] = (end_ms, slower)
            self._kept -= len(others)
            gone += others
        return gone

    def hit_maps(self, start_ms: int, end_ms: int) -> list[HitMap]:
        """Return the hit maps of the ticks that end in ``(start_ms, end_ms]``, oldest first; ticks without any are left out."""
        # From the newest on: live views ask for the last one, and there may be a day of them.
        late = [*takewhile(lambda tick: tick.end_ms > start_ms, reversed(self._maps))]
        return [tick for tick in reversed(late) if tick.end_ms <= end_ms]

    def find(self, start_ms: int, end_ms: int, least_ms: float, most_ms: float) -> Iterator[KeptTransaction]:
        """Yield the kept transactions of those ticks with a duration in ``[least_ms, most_ms)``, newest tick first."""
        for tick_end, kept in reversed(self._ticks):
            if start_ms < tick_end <= end_ms:
                for transaction in kept:
                    if least_ms <= transaction.elapsed_ns / 1_000_000 < most_ms:
                        yield transaction


def _halves(kept: list[KeptTransaction]) -> tuple[list[KeptTransaction], list[KeptTransaction]]:
    """
    Return the slower half of those that were well and of those that failed, at least one of each, and the others.

    `kept` has the slowest first, and so have both.
    """
    parts = ([one for one in kept if one.failed is failed] for failed in (False, True))
    slower = {id(one) for part in parts for one in part[: (len(part) + 1) // 2]}
    return [one for one in kept if id(one) in slower], [one for one in kept if id(one) not in slower]


def _kept(
    span: Span, agent: AgentId, end_ms: int, elapsed_ns: int, user: int | None, *, failed: bool
) -> KeptTransaction:
    return KeptTransaction(
        end_ms,
        elapsed_ns,
        failed,
        agent,
        span.name[: names.MOST_CHARACTERS],
        _route(span.attributes),
        http_status(span.attributes),
        user,
        span.trace_id,
        span.span_id,
        span.status_message[: names.MOST_CHARACTERS],
    )


def _route(attributes: Attributes) -> str:
    for key in names.ROUTE_KEYS:
        value = attributes.get(key)
        if isinstance(value, str) and value:
            return value[: names.MOST_CHARACTERS]
    return ""


def http_status(attributes: Attributes) -> int:
    """Return the HTTP status of a span, 0 without one."""
    for key in names.HTTP_STATUS_KEYS:
        value = attributes.get(key)
        if isinstance(value, int):
            return value
    return 0
