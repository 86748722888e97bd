"""
The frame of OTLP requests, the same in protobuf and JSON: resources, their scopes, the items of these.

A resource or a scope that cannot be taken costs its items, an item costs itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from bongsu.wire.otlp.limits import BadItem
from bongsu.wire.otlp.values import MetricBatch, MetricGroup, SpanBatch, SpanGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bongsu.wire.otlp.limits import Refusals
    from bongsu.wire.otlp.values import Metric, Resource, Scope, Span

Holder = TypeVar("Holder")
Message = TypeVar("Message")
Item = TypeVar("Item")

NO_RECORDED_VALUE = 0x1
"""Flag of a data point that says that its series has ended."""


class Frame(Protocol[Holder, Message]):
    """How an encoding shows the levels of a request; a holder is a resource or a scope with what belongs to it."""

    def resources(self) -> Sequence[Holder]:
        """Return the resources of the request."""
        ...

    def scopes(self, holder: Holder) -> Sequence[Holder]:
        """Return the scopes of a resource."""
        ...

    def items(self, holder: Holder) -> Sequence[Message]:
        """Return the spans or metrics of a scope."""
        ...

    def size(self, message: Message) -> int:
        """Return what a message counts for: 1 for a span, its data points for a metric."""
        ...

    def resource(self, holder: Holder) -> Resource:
        """Return a resource's values; raises BadItem."""
        ...

    def scope(self, holder: Holder) -> Scope:
        """Return a scope's values; raises BadItem."""
        ...


def span_batch(
    frame: Frame[Holder, Message], read: Callable[[Message], Span], refusals: Refusals
) -> SpanBatch:
    """Return the spans of a request; `read` raises BadItem."""
    groups = tuple(
        SpanGroup(resource, scope, taken(messages, read, refusals))
        for resource, scope, messages in _groups(frame, refusals)
    )
    return SpanBatch(groups, refusals.total())


def metric_batch(
    frame: Frame[Holder, Message], read: Callable[[Message], Metric | None], refusals: Refusals
) -> MetricBatch:
    """Return the metrics of a request; `read` returns None for one that holds nothing, or is refused."""
    groups: list[MetricGroup] = []
    for resource, scope, messages in _groups(frame, refusals):
        metrics = map(read, messages)
        groups.append(MetricGroup(resource, scope, tuple(m for m in metrics if m is not None)))
    return MetricBatch(tuple(groups), refusals.total())


def taken(
    messages: Iterable[Message], read: Callable[[Message], Item], refusals: Refusals
) -> tuple[Item, ...]:
    """Return the items that can be taken; the others are counted."""
    items: list[Item] = []
    for message in messages:
        try:
            items.append(read(message))
        except BadItem as error:
            refusals.add(str(error))
    return tuple(items)


def count_parts(frame: Frame[Holder, Message]) -> tuple[int, int]:
    """Return how many resources and scopes a request has together, and how many items."""
    scopes = [scope for holder in frame.resources() for scope in frame.scopes(holder)]
    return len(frame.resources()) + len(scopes), sum(_size(frame, scope) for scope in scopes)


def _groups(
    frame: Frame[Holder, Message], refusals: Refusals
) -> Iterator[tuple[Resource, Scope, Sequence[Message]]]:
    for holder in frame.resources():
        scopes = frame.scopes(holder)
        try:
            resource = frame.resource(holder)
        except BadItem as error:
            refusals.add(f"resource: {error}", sum(_size(frame, scope) for scope in scopes))
            continue
        for each in scopes:
            try:
                scope = frame.scope(each)
            except BadItem as error:
                refusals.add(f"scope: {error}", _size(frame, each))
                continue
            yield resource, scope, frame.items(each)


def _size(frame: Frame[Holder, Message], holder: Holder) -> int:
    return sum(map(frame.size, frame.items(holder)))
