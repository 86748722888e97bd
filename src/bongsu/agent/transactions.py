"""
Transactions in flight: what the spans of a process say before they end.

A transaction is an entry span (SERVER or CONSUMER whose parent is absent or remote). What it does now is read off its open CLIENT
spans, and off marks that the pools set while somebody waits for a connection.

Thread safety: spans start and end on any thread. Every change is one operation on a dictionary, which the interpreter makes atomic;
readers copy first.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BANDS = ((3.0, "0-3s"), (8.0, "3-8s"), (float("inf"), "8s-"))
"""Upper bounds of a transaction's age in seconds: in time, slow, very slow."""
_ENTRY_KINDS = frozenset((SpanKind.SERVER, SpanKind.CONSUMER))
_SQL_KEYS = ("db.system.name", "db.system", "db.statement", "db.query.text")
_CALL_KEYS = ("http.request.method", "http.method", "url.full", "http.url", "rpc.system", "messaging.system")


class InFlight:
    """One transaction that has not ended: its open calls, and how often it waits for a connection or a socket just now."""

    __slots__ = ("calls", "started", "waits")

    def __init__(self, started: float) -> None:
        self.started = started
        self.calls: dict[int, Any] = {}
        self.waits: dict[str, int] = {}

    def state(self) -> str:
        """Return what the transaction does: the innermost thing that it waits for, else ``method``."""
        for state in ("socket", "dbc"):
            if self.waits.get(state):
                return state
        states = {_state_of(span) for span in list(self.calls.values())}
        return next((state for state in ("sql", "httpc") if state in states), "method")


def _state_of(span: Any) -> str:
    attributes = span.attributes or {}
    if any(key in attributes for key in _SQL_KEYS):
        return "sql"
    return "httpc" if any(key in attributes for key in _CALL_KEYS) else "method"


class Transactions(SpanProcessor):
    """
    All transactions in flight of this process; a span processor of the SDK.

    Parameters
    ----------
    on_entry
        Called when a transaction starts: a forked process that was idle becomes an agent.
    lost_s
        A transaction that is older has lost its end (a worker thread that was killed, a connection that never closes).
    """

    def __init__(self, on_entry: Callable[[], None] | None = None, *, lost_s: float = 300.0) -> None:
        self._on_entry = on_entry
        self._lost_s = lost_s
        self._open: dict[int, InFlight] = {}
        self._by_trace: dict[int, InFlight] = {}

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002 - the SDK names it
        """Take up an entry span, or a call of one."""
        if span.kind is SpanKind.CLIENT:
            transaction = self._by_trace.get(span.context.trace_id)
            if transaction is not None:
                transaction.calls[span.context.span_id] = span
        elif span.kind in _ENTRY_KINDS and (span.parent is None or span.parent.is_remote):
            transaction = InFlight(time.monotonic())
            self._open[span.context.span_id] = transaction
            self._by_trace[span.context.trace_id] = transaction
            if self._on_entry is not None:
                self._on_entry()

    def on_end(self, span: Any) -> None:
        """Forget a span that ended."""
        context = span.context
        if span.kind is SpanKind.CLIENT:
            transaction = self._by_trace.get(context.trace_id)
            if transaction is not None:
                transaction.calls.pop(context.span_id, None)
        elif span.kind in _ENTRY_KINDS:
            transaction = self._open.pop(context.span_id, None)
            if transaction is not None and self._by_trace.get(context.trace_id) is transaction:
                self._by_trace.pop(context.trace_id, None)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many transactions are in each (state, band); ``(method, 0-3s)`` is always there."""
        counts = {("method", BANDS[0][1]): 0}
        now = time.monotonic()
        for span_id, transaction in list(self._open.items()):
            age = now - transaction.started
            if age >= self._lost_s:
                self._open.pop(span_id, None)
                continue
            key = transaction.state(), next(name for bound, name in BANDS if age < bound)
            counts[key] = counts.get(key, 0) + 1
        if not self._open:
            self._by_trace.clear()  # what lost transactions have left
        return counts

    @contextlib.contextmanager
    def waiting(self, state: str) -> Iterator[None]:
        """Mark the current transaction, if there is one, as waiting for the length of a block."""
        transaction = self._by_trace.get(trace.get_current_span().get_span_context().trace_id)
        if transaction is None:
            yield
            return
        transaction.waits[state] = transaction.waits.get(state, 0) + 1
        try:
            yield
        finally:
            transaction.waits[state] -= 1

    def forget(self) -> None:
        """Drop everything: after a fork the transactions are the parent's."""
        self._open, self._by_trace = {}, {}
