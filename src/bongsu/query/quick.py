"""
Which queries are over in a moment: those may run where they are asked, since a change of threads would cost more than they do.

What a query costs is known once it has run. One that took little processor time lately takes little again, mostly: a dashboard asks
the same with the time moved on. Where that fails, the caller's short deadline ends it, and it is not quick any more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from bongsu.query.requests import InstantQuery, RangeQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

QUICK_S = 0.004
"""
Processor time of a quick query, its answer's writing included.

An event loop that stops so long delays nobody noticeably: a thread that holds the interpreter's lock stops it for five milliseconds,
Python's switch interval, before it is asked to let go.
"""

FRESH_S = 300.0
"""How long a query counts as quick after it was: less than a store takes to leave memory when nobody asks."""

_MAX_KNOWN = 4096
"""Queries remembered, a few hundred bytes each; those not asked for longest are forgotten first."""


def quick_key(owner: str, query: InstantQuery | RangeQuery) -> Hashable:
    """Return what queries have in common that cost about the same: everything but where in time they are."""
    if isinstance(query, InstantQuery):
        return owner, query.text, query.lookback_ms
    return owner, query.text, query.lookback_ms, query.step_ms, query.end_ms - query.start_ms


class QuickQueries:
    """
    What lately took how long. May be used from any thread.

    Parameters
    ----------
    monotonic
        Source of seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether a query was quick lately."""
        return self._until.get(key, 0.0) > self._monotonic()

    def note(self, key: Hashable, busy_s: float) -> None:
        """Note how much processor time a query took."""
        with self._lock:
            if busy_s > QUICK_S:
                self._until.pop(key, None)
                return
            self._until[key] = self._monotonic() + FRESH_S
            self._until.move_to_end(key)
            if len(self._until) > _MAX_KNOWN:
                self._until.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Let a query count as slow until it was quick again."""
        with self._lock:
            self._until.pop(key, None)
