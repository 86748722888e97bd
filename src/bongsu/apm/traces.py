"""
The spans behind kept transactions, by trace id: what a request did, in this process and below.

Spans wait until their transaction is sealed: those of a kept transaction stay as long as it does, those of the others go. Both are
bounded, and the oldest traces go first. Spans that come after the sealing join their trace while it is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names
from bongsu.wire.otlp.values import StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bongsu.apm.identity import AgentId
    from bongsu.wire.otlp.values import Span

_MOST_ATTRIBUTES = 24
"""Of one kept span: an HTTP or database span of current SDKs has some fifteen."""
_MOST_IN_TRACE = 200
"""Kept spans of one trace: what a page can show; a loop of queries would take everything."""


class KeptSpan(NamedTuple):
    """One span of a kept transaction; attributes as texts, only of kinds that cross the process' border."""

    agent: AgentId
    span_id: bytes
    parent_id: bytes
    kind: int
    name: str
    start_ns: int
    elapsed_ns: int
    failed: bool
    message: str
    attributes: tuple[tuple[str, str], ...]


class TraceLog:
    """
    Not thread-safe: the project's lock guards it.

    Parameters
    ----------
    waiting
        Spans that wait for their transaction; one takes some 1.5 KB.
    kept
        Spans that are kept; one takes some 1 KB.
    """

    def __init__(self, waiting: int, kept: int) -> None:
        self._most_waiting = waiting
        self._most_kept = kept
        self._waiting: OrderedDict[bytes, list[tuple[AgentId, Span]]] = OrderedDict()
        self._kept: OrderedDict[bytes, list[KeptSpan]] = OrderedDict()
        self._waiting_spans = self._kept_spans = 0

    def add(self, agent: AgentId, spans: Iterable[Span]) -> None:
        """Take spans of one agent."""
        for span in spans:
            trace = self._kept.get(span.trace_id)
            if trace is not None:
                self._keep(trace, agent, span)
                continue
            waiting = self._waiting.get(span.trace_id)
            if waiting is None:
                waiting = self._waiting[span.trace_id] = []
            if len(waiting) < _MOST_IN_TRACE:
                waiting.append((agent, span))
                self._waiting_spans += 1
        while self._waiting_spans > self._most_waiting:
            self._waiting_spans -= len(self._waiting.popitem(last=False)[1])

    def leave_out(self, trace_id: bytes) -> None:
        """Drop what waits of a trace whose root is no kept transaction: nothing of it will be asked for."""
        waiting = self._waiting.pop(trace_id, None)
        if waiting is not None:
            self._waiting_spans -= len(waiting)

    def keep(self, trace_ids: Iterable[bytes]) -> None:
        """Keep what there is of these traces, now that their transactions are kept."""
        for trace_id in trace_ids:
            trace = self._kept.setdefault(trace_id, [])
            waiting = self._waiting.pop(trace_id, ())
            self._waiting_spans -= len(waiting)
            for agent, span in waiting:
                self._keep(trace, agent, span)
        while self._kept_spans > self._most_kept:
            self._kept_spans -= len(self._kept.popitem(last=False)[1])

    def forget(self, trace_ids: Iterable[bytes]) -> None:
        """Drop traces whose transactions are no longer kept."""
        for trace_id in trace_ids:
            self._kept_spans -= len(self._kept.pop(trace_id, ()))

    def find(self, trace_id: bytes) -> list[KeptSpan]:
        """Return the kept spans of a trace in order of their start; empty when there are none."""
        return sorted(self._kept.get(trace_id, ()), key=lambda span: (span.start_ns, -span.elapsed_ns))

    def _keep(self, trace: list[KeptSpan], agent: AgentId, span: Span) -> None:
        # A sender repeats what was not acknowledged.
        if len(trace) < _MOST_IN_TRACE and all(span.span_id != kept.span_id for kept in trace):
            trace.append(_kept(agent, span))
            self._kept_spans += 1


def _kept(agent: AgentId, span: Span) -> KeptSpan:
    attributes = list(span.attributes.items())[:_MOST_ATTRIBUTES]
    return KeptSpan(
        agent,
        span.span_id,
        span.parent_id,
        span.kind,
        span.name[: names.MOST_CHARACTERS],
        span.start_ns,
        max(0, span.end_ns - span.start_ns) if span.start_ns else 0,
        span.status == StatusCode.ERROR,
        span.status_message[: names.MOST_CHARACTERS],
        tuple(
            (key[: names.MOST_CHARACTERS], str(value)[: names.MOST_CHARACTERS])
            for key, value in attributes
            if key not in names.PRIVATE_KEYS and not key.startswith(names.PRIVATE_PREFIX)
        ),
    )
