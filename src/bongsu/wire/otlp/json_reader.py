"""
OTLP requests in JSON to batches, mirror of `bongsu.wire.otlp.protobuf`.

Own reader instead of protobuf's `json_format`: that one reads ids as base64 where OTLP says hex, refuses a whole request
for one bad item, and took many times as long (`docs/apm.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bongsu.wire.otlp import json_fields as get
from bongsu.wire.otlp.frame import NO_RECORDED_VALUE, count_parts, metric_batch, span_batch, taken
from bongsu.wire.otlp.limits import (
    BadItem,
    MalformedOtlp,
    OtlpLimits,
    Refusals,
    TooManyItems,
    check_buckets,
    check_ids,
    check_size,
)
from bongsu.wire.otlp.values import (
    EXCEPTION_EVENT,
    NO_EXCEPTION,
    Attributes,
    AttributeValue,
    ExponentialPoint,
    HistogramPoint,
    Metric,
    MetricBatch,
    MetricKind,
    NumberPoint,
    Point,
    PointExemplar,
    Resource,
    Scope,
    Span,
    SpanBatch,
    SpanKind,
    StatusCode,
    SummaryPoint,
    Temporality,
    exception_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bongsu.wire.otlp.json_fields import JsonObject

_DEFAULT_LIMITS = OtlpLimits()
_SPAN_KINDS = {f"SPAN_KIND_{kind.name}": int(kind) for kind in SpanKind}
_STATUS_CODES = {f"STATUS_CODE_{code.name}": int(code) for code in StatusCode}
_TEMPORALITIES = {f"AGGREGATION_TEMPORALITY_{t.name}": int(t) for t in Temporality}


def read_spans(
    body: bytes, limits: OtlpLimits = _DEFAULT_LIMITS, *, attributes_of: Collection[int] | None = None
) -> SpanBatch:
    """
    Return the spans of an ``ExportTraceServiceRequest``; spans that cannot be taken are counted in `refused`.

    Parameters
    ----------
    attributes_of
        Kinds of spans whose attributes are wanted, None for all: they are most of the work. Those of other spans are left out.

    Raises
    ------
    MalformedOtlp
        If the bytes are not JSON, or its outer shape is not that of the message.
    TooManyItems
        If there are more than `limits.max_spans` spans.
    """
    frame = _frame(body, "spans", limits)

    def read(message: Any) -> Span:
        return _span(get.as_object(message, "spans"), limits, attributes_of)

    return span_batch(frame, read, Refusals())


def read_metrics(body: bytes, limits: OtlpLimits = _DEFAULT_LIMITS) -> MetricBatch:
    """
    Return the metrics of an ``ExportMetricsServiceRequest``; points that cannot be taken are counted in `refused`.

    Raises
    ------
    MalformedOtlp
        If the bytes are not JSON, or its outer shape is not that of the message.
    TooManyItems
        If there are more than `limits.max_points` data points.
    """
    refusals = Refusals()
    frame = _frame(body, "metrics", limits)
    return metric_batch(frame, lambda message: _metric(message, limits, refusals), refusals)


def _outer(read: Callable[[Any, str], Any], source: Any, key: str) -> Any:
    """Read a part whose loss would lose the request: what is an item's error elsewhere is the request's here."""
    try:
        return read(source, key)
    except BadItem as error:
        raise MalformedOtlp(f"not an OTLP request in JSON: {error}") from error


def _frame(body: bytes, of: str, limits: OtlpLimits) -> _Frame:
    """Return a request that is within its limits; `of` is ``spans`` or ``metrics``."""
    # Before anything is made of it: `{}` takes two bytes here and sixty-four in memory. Braces in texts count too; no matter.
    parts = body.count(b"{") + body.count(b"[")
    if parts > limits.max_messages:
        raise TooManyItems(parts, limits.max_messages, "parts", "max_messages")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedOtlp(f"cannot decode {len(body)} bytes of JSON: {error}") from error
    frame = _Frame(_outer(get.as_object, document, "(the body)"), of, limits)
    groups, items = count_parts(frame)
    if groups > limits.max_groups:
        raise TooManyItems(groups, limits.max_groups, "resources and scopes", "max_groups")
    limit, what, setting = (
        (limits.max_spans, "spans", "max_spans")
        if of == "spans"
        else (limits.max_points, "data points", "max_points")
    )
    if items > limit:
        raise TooManyItems(items, limit, what, setting)
    return frame


@dataclass(frozen=True, slots=True)
class _Frame:
    """The levels of a parsed request; `of` is ``spans`` or ``metrics``."""

    document: JsonObject
    of: str
    limits: OtlpLimits

    def resources(self) -> Sequence[JsonObject]:
        return _objects(self.document, f"resource{self.of.capitalize()}")

    def scopes(self, holder: JsonObject) -> Sequence[JsonObject]:
        return _objects(holder, f"scope{self.of.capitalize()}")

    def items(self, holder: JsonObject) -> Sequence[Any]:
        if self.of == "metrics":
            return _objects(holder, self.of)
        items: Sequence[Any] = _outer(get.items, holder, self.of)
        return items

    def size(self, message: Any) -> int:
        return 1 if self.of == "spans" else _point_count(message)

    def resource(self, holder: JsonObject) -> Resource:
        return Resource(_attributes(_outer(get.child, holder, "resource"), self.limits))

    def scope(self, holder: JsonObject) -> Scope:
        source = _outer(get.child, holder, "scope")
        return Scope(
            get.text(source, "name"),
            get.text(source, "version"),
            _attributes(source, self.limits),
            get.text(holder, "schemaUrl"),
        )


def _objects(source: JsonObject, key: str) -> list[JsonObject]:
    return [_outer(get.as_object, part, key) for part in _outer(get.items, source, key)]


def _span(source: JsonObject, limits: OtlpLimits, attributes_of: Collection[int] | None) -> Span:
    name = get.text(source, "name")
    trace_id, span_id = get.hex_bytes(source, "traceId"), get.hex_bytes(source, "spanId")
    parent_id = get.hex_bytes(source, "parentSpanId")
    check_ids(name, trace_id, span_id, parent_id)
    status, kind = get.child(source, "status"), get.enum_number(source, "kind", _SPAN_KINDS)
    code = get.enum_number(status, "code", _STATUS_CODES)
    wanted = attributes_of is None or kind in attributes_of
    return Span(
        trace_id,
        span_id,
        parent_id,
        get.uint32(source, "flags"),
        kind,
        name,
        get.uint64(source, "startTimeUnixNano"),
        get.uint64(source, "endTimeUnixNano"),
        code,
        get.text(status, "message"),
        _attributes(source, limits) if wanted else {},
        get.text(source, "traceState"),
        _exception(source, limits) if wanted and code == StatusCode.ERROR else NO_EXCEPTION,
    )


def _exception(source: JsonObject, limits: OtlpLimits) -> tuple[str, str]:
    for item in reversed(get.items(source, "events")):
        event = get.as_object(item, "events")
        if get.text(event, "name") == EXCEPTION_EVENT:
            return exception_of(_attributes(event, limits))
    return NO_EXCEPTION


def _attributes(source: JsonObject, limits: OtlpLimits, key: str = "attributes") -> Attributes:
    pairs = get.items(source, key)
    if len(pairs) > limits.max_attributes:
        raise BadItem(
            f"{len(pairs)} attributes, {limits.max_attributes} are allowed (setting 'otlp.max_attributes')"
        )
    attributes: Attributes = {}
    for pair in pairs:
        source = get.as_object(pair, key)
        attributes[get.text(source, "key")] = _any_value(
            get.child(source, "value"), limits.max_nesting, limits
        )
    return attributes


def _any_value(source: JsonObject, depth: int, limits: OtlpLimits) -> AttributeValue:
    for key, value in source.items():
        if value is None:
            continue
        if key == "stringValue":
            return get.text(source, key)
        if key == "intValue":
            return get.as_int64(value, key)
        if key == "boolValue":
            return get.boolean(source, key)
        if key == "doubleValue":
            return get.as_double(value, key)
        if key == "bytesValue":
            return get.as_base64(value, key)
        if key in {"arrayValue", "kvlistValue"}:
            return _nested(key, get.as_object(value, key), depth, limits)
    return None


def _nested(key: str, source: JsonObject, depth: int, limits: OtlpLimits) -> AttributeValue:
    if depth <= 0:
        raise BadItem(f"an attribute is nested deeper than {limits.max_nesting} (setting 'otlp.max_nesting')")
    values = [get.as_object(value, "values") for value in get.items(source, "values")]
    if key == "arrayValue":
        return tuple(_any_value(value, depth - 1, limits) for value in values)
    return {get.text(pair, "key"): _any_value(get.child(pair, "value"), depth - 1, limits) for pair in values}


def _data(source: JsonObject) -> tuple[str, JsonObject] | None:
    for which in _READERS:
        if isinstance(source.get(which), dict):
            return which, source[which]
    return None


def _point_count(source: JsonObject) -> int:
    found = _data(source)
    points = None if found is None else found[1].get("dataPoints")
    return len(points) if isinstance(points, list) else 0


def _metric(source: JsonObject, limits: OtlpLimits, refusals: Refusals) -> Metric | None:
    found = _data(source)
    if found is None:
        return None
    which, data = found
    try:
        name = get.text(source, "name")
        if not name:
            raise BadItem("a metric has no name; every metric needs one")
        description, unit = get.text(source, "description"), get.text(source, "unit")
        temporality = get.enum_number(data, "aggregationTemporality", _TEMPORALITIES)
        monotonic = get.boolean(data, "isMonotonic")
        messages = get.items(data, "dataPoints")
    except BadItem as error:
        refusals.add(str(error), _point_count(source))
        return None
    kind, read = _READERS[which]
    points = taken(
        messages, lambda message: read(name, get.as_object(message, "dataPoints"), limits), refusals
    )
    if which in {"gauge", "summary"}:
        temporality = 0
    return Metric(name, description, unit, kind, temporality, monotonic and which == "sum", points)


def _number(name: str, source: JsonObject, limits: OtlpLimits) -> NumberPoint:
    absent = bool(get.uint32(source, "flags") & NO_RECORDED_VALUE)
    value: float | None = get.optional_double(source, "asDouble")
    if value is None and source.get("asInt") is not None:
        value = get.as_int64(source["asInt"], "asInt")
    if value is None and not absent:
        raise BadItem(f"metric {name!r}: a point has no value; set asDouble or asInt")
    return NumberPoint(
        _attributes(source, limits), *_times(source), value or 0.0, absent, _exemplars(source, limits)
    )


def _times(source: JsonObject) -> tuple[int, int]:
    return get.uint64(source, "startTimeUnixNano"), get.uint64(source, "timeUnixNano")


def _histogram(name: str, source: JsonObject, limits: OtlpLimits) -> HistogramPoint:
    bounds = tuple(get.as_double(value, "explicitBounds") for value in get.items(source, "explicitBounds"))
    counts = _counts(source)
    check_buckets(name, bounds, counts, limits.max_buckets)
    return HistogramPoint(
        _attributes(source, limits),
        *_times(source),
        get.uint64(source, "count"),
        get.optional_double(source, "sum"),
        bounds,
        counts,
        bool(get.uint32(source, "flags") & NO_RECORDED_VALUE),
        _exemplars(source, limits),
    )


def _counts(source: JsonObject) -> tuple[int, ...]:
    return tuple(get.as_uint64(value, "bucketCounts") for value in get.items(source, "bucketCounts"))


def _exponential(name: str, source: JsonObject, limits: OtlpLimits) -> ExponentialPoint:
    positive, negative = get.child(source, "positive"), get.child(source, "negative")
    positive_counts, negative_counts = _counts(positive), _counts(negative)
    check_size(name, len(positive_counts) + len(negative_counts), limits.max_buckets)
    return ExponentialPoint(
        _attributes(source, limits),
        *_times(source),
        get.uint64(source, "count"),
        get.optional_double(source, "sum"),
        get.int32(source, "scale"),
        get.uint64(source, "zeroCount"),
        get.double(source, "zeroThreshold"),
        get.int32(positive, "offset"),
        positive_counts,
        get.int32(negative, "offset"),
        negative_counts,
        bool(get.uint32(source, "flags") & NO_RECORDED_VALUE),
        _exemplars(source, limits),
    )


def _summary(name: str, source: JsonObject, limits: OtlpLimits) -> SummaryPoint:
    quantiles = [get.as_object(q, "quantileValues") for q in get.items(source, "quantileValues")]
    check_size(name, len(quantiles), limits.max_buckets)
    return SummaryPoint(
        _attributes(source, limits),
        *_times(source),
        get.uint64(source, "count"),
        get.double(source, "sum"),
        tuple((get.double(q, "quantile"), get.double(q, "value")) for q in quantiles),
        bool(get.uint32(source, "flags") & NO_RECORDED_VALUE),
    )


def _exemplars(source: JsonObject, limits: OtlpLimits) -> tuple[PointExemplar, ...]:
    return tuple(
        _exemplar(get.as_object(exemplar, "exemplars"), limits) for exemplar in get.items(source, "exemplars")
    )


def _exemplar(source: JsonObject, limits: OtlpLimits) -> PointExemplar:
    value = get.optional_double(source, "asDouble")
    if value is None:
        value = float(get.as_int64(source.get("asInt"), "asInt"))
    return PointExemplar(
        get.uint64(source, "timeUnixNano"),
        value,
        get.hex_bytes(source, "traceId"),
        get.hex_bytes(source, "spanId"),
        _attributes(source, limits, "filteredAttributes"),
    )


_READERS: dict[str, tuple[MetricKind, Callable[[str, JsonObject, OtlpLimits], Point]]] = {
    "gauge": (MetricKind.GAUGE, _number),
    "sum": (MetricKind.SUM, _number),
    "histogram": (MetricKind.HISTOGRAM, _histogram),
    "exponentialHistogram": (MetricKind.EXPONENTIAL, _exponential),
    "summary": (MetricKind.SUMMARY, _summary),
}
