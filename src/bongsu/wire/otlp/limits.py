"""Limits on what one OTLP request may hold, and the errors of requests and of single items."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from bongsu.model.errors import InvalidInput, LimitExceeded
from bongsu.wire.otlp.values import Refused

_REASONS_KEPT = 5
"""Reasons told to the sender: enough to see the pattern, little enough to log."""


@dataclass(frozen=True, slots=True)
class OtlpLimits:
    """
    Limits of one request; each is a setting of the same name in the `otlp` section.

    Attributes
    ----------
    max_spans, max_points
        Items of one request. An SDK sends 512 spans at a time, a Collector 8,192 items.
    max_groups
        Resources and scopes of one request, together.
    max_messages
        Parts of any kind in one request (each attribute is two): a part may take two bytes in the request and ninety in
        memory. 50,000 spans with 15 attributes each have 1.6 million.
    max_attributes
        Attributes of one item, resource or scope; SDKs stop at 128 by default.
    max_nesting
        Depth of arrays and maps in an attribute.
    max_buckets
        Buckets of one histogram point; SDKs use at most 160.
    """

    max_spans: int = 50_000
    max_points: int = 100_000
    max_groups: int = 10_000
    max_messages: int = 2_000_000
    max_attributes: int = 1_024
    max_nesting: int = 8
    max_buckets: int = 2_048


class MalformedOtlp(InvalidInput):
    """The bytes are no OTLP request; nothing of them was taken."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="otlp-malformed")


class TooManyItems(LimitExceeded):
    """One request holds more items than one request may; nothing of it was taken."""

    def __init__(self, count: int, limit: int, what: str, setting: str) -> None:
        super().__init__(
            f"the request has {count} {what} or more, {limit} are allowed in one request; "
            f"send smaller batches or raise the setting 'otlp.{setting}'",
            id="otlp-too-many-items",
            limit=setting,
            setting=f"otlp.{setting}",
        )


class BadItem(Exception):
    """One span or point cannot be taken; the others can. Never leaves `bongsu.wire.otlp`."""


@dataclass(slots=True)
class Refusals:
    """Collects the items left out while a request is read."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, reason: str, items: int = 1) -> None:
        """Count `items` left out for one reason."""
        self.count += items
        if len(self.reasons) < _REASONS_KEPT and reason not in self.reasons:
            self.reasons.append(reason)

    def total(self) -> Refused:
        """Return what was collected."""
        return Refused(self.count, tuple(self.reasons))


def check_ids(name: str, trace_id: bytes, span_id: bytes, parent_id: bytes) -> None:
    """
    Refuse a span whose ids are not what W3C trace context allows.

    Raises
    ------
    BadItem
        If the trace id is not 16 bytes, the span id not 8, the parent id neither 8 nor empty, or one is all zeros.
    """
    if len(trace_id) != 16 or not any(trace_id):
        raise BadItem(f"span {name!r}: trace id must be 16 bytes, not all zero; got {trace_id.hex()!r}")
    if len(span_id) != 8 or not any(span_id):
        raise BadItem(f"span {name!r}: span id must be 8 bytes, not all zero; got {span_id.hex()!r}")
    if parent_id and len(parent_id) != 8:
        raise BadItem(f"span {name!r}: parent span id must be 8 bytes or empty; got {parent_id.hex()!r}")


def check_size(name: str, buckets: int, limit: int) -> None:
    """Refuse a point with more buckets, or quantiles, than a limit."""
    if buckets > limit:
        raise BadItem(f"metric {name!r}: {buckets} buckets, {limit} are allowed (setting 'otlp.max_buckets')")


def check_buckets(name: str, bounds: tuple[float, ...], counts: tuple[int, ...], limit: int) -> None:
    """
    Refuse a histogram point whose buckets contradict themselves.

    Raises
    ------
    BadItem
        If there are too many buckets, their number does not fit the bounds, or the bounds do not increase.
    """
    check_size(name, len(counts), limit)
    if len(counts) != (len(bounds) + 1 if counts or bounds else 0):
        raise BadItem(
            f"metric {name!r}: {len(counts)} bucket counts for {len(bounds)} bounds; give one more count than bounds"
        )
    if any(not low < high for low, high in itertools.pairwise(bounds)) or any(map(math.isnan, bounds)):
        raise BadItem(f"metric {name!r}: bucket bounds must increase; got {list(bounds[:8])}")
