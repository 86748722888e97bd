"""
Which spans are transactions, so that each is counted once.

A transaction is a SERVER or CONSUMER span by which a request enters a process: its parent is absent or in another process.
Spans of the same kinds below it (a framework inside a server's middleware, an application mounted in another) belong to it.

- The sender tells (OpenTelemetry's "is remote" flag, sent by current SDKs): then that decides, in whatever order spans come.
- It does not (older SDKs): a parent that is a span of the same agent is local. Since inner spans end first, and are often sent
  first, such a span is held until its tick is sealed: if a span of the same agent turns out to be its parent before that, it is
  dropped, else it is counted. If its parent comes later, the sealed tick stays as it is and the *parent* is left out: the
  transaction has been counted, once.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from bongsu.wire.otlp.values import FLAG_HAS_IS_REMOTE, FLAG_IS_REMOTE, SpanKind

if TYPE_CHECKING:
    from bongsu.wire.otlp.values import Span


class Entry(enum.Enum):
    """Whether a span is a transaction."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """It is, unless its parent is a span of the same agent."""


TRANSACTION_KINDS = frozenset((SpanKind.SERVER, SpanKind.CONSUMER))
"""Kinds of spans by which a request may enter a process."""


def classify(span: Span, *, root_internal: bool) -> Entry:
    """Return whether a span is a transaction, as far as the span alone tells."""
    if span.kind not in TRANSACTION_KINDS:
        is_root = root_internal and span.kind == SpanKind.INTERNAL and not span.parent_id
        return Entry.YES if is_root else Entry.NO
    if not span.parent_id:
        return Entry.YES
    if span.flags & FLAG_HAS_IS_REMOTE:
        return Entry.YES if span.flags & FLAG_IS_REMOTE else Entry.NO
    return Entry.UNKNOWN


class Mark(enum.Enum):
    """What is remembered of a span id of one agent."""

    LOCAL = "local"
    """A span of this agent: children that name it as parent are nested."""
    COUNTED = "counted"
    """A child of this span was counted: if the span comes from this agent, its transaction has been counted."""
    LOCAL_COUNTED = "local and counted"
    """Both: it came, after its child had been counted."""


class SpanMemory:
    """
    Marks on (agent, span id), for spans whose sender does not tell remote parents; the newest are kept.

    Two generations: when the younger is full it becomes the older, and the older is forgotten. Not thread-safe.

    Parameters
    ----------
    capacity
        Marks kept at least half as many, and never more.
    """

    def __init__(self, capacity: int) -> None:
        self._half = max(1, capacity // 2)
        self._young: dict[tuple[object, bytes], Mark] = {}
        self._old: dict[tuple[object, bytes], Mark] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def put(self, agent: object, span_id: bytes, mark: Mark) -> None:
        """Remember a mark, in place of one before it."""
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[agent, span_id] = mark

    def get(self, agent: object, span_id: bytes) -> Mark | None:
        """Return the mark of a span id, or None."""
        key = (agent, span_id)
        return self._young.get(key) or self._old.get(key)
