"""The queries that wait or run now, for people who want to know what a server is busy with."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prometheus_client import Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


@dataclass(frozen=True, slots=True)
class ActiveQuery:
    """
    One query on its way.

    Attributes
    ----------
    kind
        ``instant`` or ``range``.
    submitted_ms
        Unix milliseconds.
    running
        Whether it has left the queue.
    """

    number: int
    kind: str
    text: str
    submitted_ms: int
    running: bool = False


class ActiveQueries:
    """The list of active queries. May be used from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._queries: dict[int, ActiveQuery] = {}
        gauge = Gauge("bongsu_query_active", "Queries on their way, by state.", ["state"], registry=registry)
        gauge.labels("running").set_function(lambda: self._count(running=True))
        gauge.labels("waiting").set_function(lambda: self._count(running=False))

    def add(self, kind: str, text: str, now_ms: int) -> int:
        """Take in a query that waits; return its number."""
        with self._lock:
            number = next(self._numbers)
            self._queries[number] = ActiveQuery(number, kind, text, now_ms)
            return number

    def start(self, number: int) -> None:
        """Note that a query has left the queue."""
        with self._lock:
            known = self._queries.get(number)
            if known is not None:
                self._queries[number] = replace(known, running=True)

    def remove(self, number: int) -> None:
        """Forget a query; harmless when repeated."""
        with self._lock:
            self._queries.pop(number, None)

    def list(self) -> tuple[ActiveQuery, ...]:
        """Return the queries, oldest first."""
        with self._lock:
            return tuple(self._queries.values())

    def _count(self, *, running: bool) -> int:
        return sum(query.running is running for query in self.list())
