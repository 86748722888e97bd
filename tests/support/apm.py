"""Spans and metrics as applications send them, for tests of the real-time numbers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from bongsu.apm.settings import ApmSettings
from bongsu.wire.otlp.values import (
    FLAG_HAS_IS_REMOTE,
    FLAG_IS_REMOTE,
    AttributeValue,
    Metric,
    MetricBatch,
    MetricGroup,
    MetricKind,
    NumberPoint,
    Resource,
    Scope,
    Span,
    SpanBatch,
    SpanGroup,
    SpanKind,
    StatusCode,
    Temporality,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW_MS = 1_700_000_000_000
"""A multiple of the tick."""

SETTINGS = ApmSettings()

REMOTE = FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE
LOCAL = FLAG_HAS_IS_REMOTE

_ids = itertools.count(1)


def span_id() -> bytes:
    return next(_ids).to_bytes(8, "big")


def span(
    end_ms: int,
    *,
    elapsed_ms: int = 100,
    kind: int = SpanKind.SERVER,
    parent: bytes = b"",
    flags: int = FLAG_HAS_IS_REMOTE,
    own_id: bytes | None = None,
    failed: bool = False,
    user: str | None = None,
    attributes: dict[str, AttributeValue] | None = None,
) -> Span:
    every: dict[str, AttributeValue] = dict(attributes or {})
    if user is not None:
        every["enduser.id"] = user
    return Span(
        b"trace---trace---",
        own_id or span_id(),
        parent,
        flags,
        kind,
        "GET /",
        (end_ms - elapsed_ms) * 1_000_000,
        end_ms * 1_000_000,
        StatusCode.ERROR if failed else StatusCode.UNSET,
        "",
        every,
    )


def resource(
    instance: str = "i1", *, service: str = "shop", host: str = "host-1", **more: AttributeValue
) -> Resource:
    base: dict[str, AttributeValue] = {
        "service.name": service,
        "service.instance.id": instance,
        "host.id": host,
    }
    return Resource({k.replace("__", "."): v for k, v in (base | more).items() if v is not None})


def spans(*items: Span, of: Resource | None = None) -> SpanBatch:
    return SpanBatch((SpanGroup(of or resource(), Scope("lib"), items),))


def gauge(
    name: str, *values: tuple[Mapping[str, AttributeValue], float], at_ms: int, **options: Any
) -> Metric:
    """One metric; options: ``kind``, ``temporality``, ``monotonic``, ``start_ms``."""
    kind = options.get("kind", MetricKind.GAUGE)
    temporality = options.get("temporality", 0 if kind is MetricKind.GAUGE else Temporality.CUMULATIVE)
    start_ns = options.get("start_ms", 0) * 1_000_000
    points = tuple(
        NumberPoint(dict(attributes), start_ns, at_ms * 1_000_000, value) for attributes, value in values
    )
    return Metric(name, "", "", kind, temporality, options.get("monotonic", False), points)


def metrics(*items: Metric, of: Resource | None = None) -> MetricBatch:
    return MetricBatch((MetricGroup(of or resource(), Scope("lib"), items),))
