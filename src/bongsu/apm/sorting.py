"""
What a request is sorted into before the project's lock is taken: transactions, spans that may be the parents of others, and calls.

Decoding, hashing and classification happen here, on the thread of the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm.calls import Alike, call_of, returned_rows, service_of
from bongsu.apm.entries import TRANSACTION_KINDS, Entry, classify
from bongsu.apm.identity import identify
from bongsu.apm.statistics import STEP_MS, Tally
from bongsu.apm.transactions import http_status
from bongsu.wire.otlp.values import FLAG_HAS_IS_REMOTE, SpanKind, StatusCode

if TYPE_CHECKING:
    from bongsu.apm.calls import HttpCall, Query
    from bongsu.apm.identity import Identity
    from bongsu.apm.users import UserHasher
    from bongsu.wire.otlp.values import Span, SpanBatch, SpanGroup

_SERVER_ERROR, _CLIENT_ERROR = 500, 400
"""Lowest HTTP status that is a failure of who answers, and of who asks."""


class Transaction(NamedTuple):
    """A span that is a transaction, unless its parent turns out to be local (`parent_id` is set)."""

    span: Span
    key: bytes
    end_ms: int
    elapsed_ns: int
    failed: bool
    user: int | None
    parent_id: bytes
    service: str
    status: int


class Link(NamedTuple):
    """A span whose sender does not tell remote parents: it may be the local parent of others."""

    span_id: bytes
    parent_id: bytes
    transaction: Transaction | None


@dataclass(slots=True)
class Part:
    """
    What one request holds of one agent.

    Attributes
    ----------
    service
        The agent's.
    calls
        Of databases and other servers, by step of the statistics.
    """

    service: str = ""
    spans: int = 0
    servers: int = 0
    newest_ns: int = 0
    certain: list[Transaction] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    every: list[Span] = field(default_factory=list)
    calls: dict[tuple[int, Query | HttpCall], Tally] = field(default_factory=dict)

    def call(self, row: Query | HttpCall, end_ms: int, elapsed_ns: int, *, failed: bool, rows: int) -> None:
        """Add a call."""
        key = (end_ms // STEP_MS, row)
        tally = self.calls.get(key)
        if tally is None:
            tally = self.calls[key] = Tally()
        tally.add(elapsed_ns, end_ms, failed=failed, rows=rows)


class SpanSorter:
    """
    Sorts requests. Safe from any thread.

    Parameters
    ----------
    root_internal
        Root spans of kind INTERNAL are transactions too.
    """

    def __init__(self, hasher: UserHasher, *, root_internal: bool) -> None:
        self._hasher = hasher
        self._root_internal = root_internal
        self._alike = Alike()

    def sort(self, batch: SpanBatch, peer: str) -> dict[Identity, Part]:
        """Return what a request holds of each agent; none is empty."""
        parts: dict[Identity, Part] = {}
        for group in batch.groups:
            if group.spans:
                identity = identify(group.resource.attributes, peer)
                self._add(group, parts.setdefault(identity, Part(identity.agent.service)))
        return parts

    def _add(self, group: SpanGroup, part: Part) -> None:
        """Sort the spans of a group into those that are transactions for certain and those that need a look at their parents."""
        part.spans += len(group.spans)
        part.every += group.spans
        for span in group.spans:
            part.newest_ns = max(part.newest_ns, span.end_ns)
            part.servers += span.kind in TRANSACTION_KINDS
            entry = classify(span, root_internal=self._root_internal)
            tells_remote = span.flags & FLAG_HAS_IS_REMOTE
            if span.kind == SpanKind.CLIENT:
                self._add_call(span, part)
            if entry is Entry.NO and tells_remote:
                continue
            transaction = None if entry is Entry.NO else self._transaction(span, entry)
            if not tells_remote:
                part.links.append(Link(span.span_id, span.parent_id, transaction))
            elif transaction is not None:
                part.certain.append(transaction)

    def _add_call(self, span: Span, part: Part) -> None:
        row = call_of(span, part.service, self._alike)
        if row is not None:
            failed = _failed(span, http_status(span.attributes), least=_CLIENT_ERROR)
            part.call(
                row, span.end_ns // 1_000_000, _elapsed_ns(span), failed=failed, rows=returned_rows(span)
            )

    def _transaction(self, span: Span, entry: Entry) -> Transaction:
        status = http_status(span.attributes)
        return Transaction(
            span,
            span.trace_id + span.span_id,
            span.end_ns // 1_000_000,
            _elapsed_ns(span),
            _failed(span, status),
            self._hasher.hash_of(span.attributes),
            span.parent_id if entry is Entry.UNKNOWN else b"",
            service_of(span, self._alike),
            status,
        )


def _elapsed_ns(span: Span) -> int:
    """Return the duration; 0 where the start is missing or after the end, rather than half a century."""
    return max(0, span.end_ns - span.start_ns) if span.start_ns else 0


def _failed(span: Span, status: int, *, least: int = _SERVER_ERROR) -> bool:
    return span.status == StatusCode.ERROR or status >= least
