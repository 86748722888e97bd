"""Sampled traces, and numbers that are true all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEEN_KINDS = frozenset((SpanKind.SERVER, SpanKind.CONSUMER, SpanKind.CLIENT))
"""Transactions, and the calls by which their state is told."""


class SeeingSampler(Sampler):
    """
    Another sampler's decisions, but for spans that the agent must see: those are recorded though they are not sent.

    Without it a transaction that is not sampled would not be in flight.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Any] | None = None,
        *more: Any,
    ) -> SamplingResult:
        """Return the other's decision, with recording instead of dropping for what is to be seen."""
        result = self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, *more)
        if result.decision is not Decision.DROP or kind not in _SEEN_KINDS:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Return the other's description."""
        return self._inner.get_description()
