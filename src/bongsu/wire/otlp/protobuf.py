"""OTLP requests in protobuf to batches. The parser is protobuf's own (upb); this module only walks its messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as MetricMessage

from bongsu.kernels.protobuf_shape import count_messages
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
    Attributes,
    AttributeValue,
    ExponentialPoint,
    HistogramPoint,
    Metric,
    MetricBatch,
    MetricGroup,
    MetricKind,
    NumberPoint,
    Point,
    PointExemplar,
    Resource,
    Scope,
    Span,
    SpanBatch,
    SpanGroup,
    SummaryPoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

# Messages are typed `Any`: their classes are made at run time and their stubs are not part of every installation.

_NO_RECORDED_VALUE = 0x1
_DEFAULT_LIMITS = OtlpLimits()


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
        If the bytes are not such a message.
    TooManyItems
        If there are more than `limits.max_spans` spans.
    """
    _check_shape(body, _TRACES, limits)
    request = _parse(ExportTraceServiceRequest(), body)
    refusals = Refusals()
    groups: list[SpanGroup] = []
    for resource_spans in request.resource_spans:
        items = sum(len(scope.spans) for scope in resource_spans.scope_spans)
        try:
            resource = Resource(_attributes(resource_spans.resource.attributes, limits))
        except BadItem as error:
            refusals.add(f"resource: {error}", items)
            continue
        for scope_spans in resource_spans.scope_spans:
            try:
                scope = _scope(scope_spans, limits)
            except BadItem as error:
                refusals.add(f"scope: {error}", len(scope_spans.spans))
                continue
            groups.append(
                SpanGroup(resource, scope, _spans(scope_spans.spans, limits, refusals, attributes_of))
            )
    return SpanBatch(tuple(groups), refusals.total())


def read_metrics(body: bytes, limits: OtlpLimits = _DEFAULT_LIMITS) -> MetricBatch:
    """
    Return the metrics of an ``ExportMetricsServiceRequest``; points that cannot be taken are counted in `refused`.

    Raises
    ------
    MalformedOtlp
        If the bytes are not such a message.
    TooManyItems
        If there are more than `limits.max_points` data points.
    """
    _check_shape(body, _METRICS, limits)
    request = _parse(ExportMetricsServiceRequest(), body)
    refusals = Refusals()
    groups: list[MetricGroup] = []
    for resource_metrics in request.resource_metrics:
        items = sum(_point_count(m) for scope in resource_metrics.scope_metrics for m in scope.metrics)
        try:
            resource = Resource(_attributes(resource_metrics.resource.attributes, limits))
        except BadItem as error:
            refusals.add(f"resource: {error}", items)
            continue
        for scope_metrics in resource_metrics.scope_metrics:
            try:
                scope = _scope(scope_metrics, limits)
            except BadItem as error:
                refusals.add(f"scope: {error}", sum(map(_point_count, scope_metrics.metrics)))
                continue
            metrics = (_metric(metric, limits, refusals) for metric in scope_metrics.metrics)
            groups.append(MetricGroup(resource, scope, tuple(m for m in metrics if m is not None)))
    return MetricBatch(tuple(groups), refusals.total())


def read_metric(body: bytes, limits: OtlpLimits = _DEFAULT_LIMITS) -> Metric | None:
    """Return one ``Metric`` of a request, without the points that cannot be taken; None when it holds no data."""
    return _metric(_parse(MetricMessage(), body), limits, Refusals())


@dataclass(frozen=True, slots=True)
class _Shape:
    """
    Kinds of messages in a request.

    Attributes
    ----------
    children : ndarray of int16, shape (n_kinds, n_fields)
        As `count_messages` wants it.
    groups, items
        Kinds that are resources or scopes, and those that are spans or data points.
    setting
        The limit on items.
    """

    name: str
    children: NDArray[np.int16]
    groups: tuple[int, ...]
    items: tuple[int, ...]
    what: str
    setting: str


def _shape(request: Any, groups: Iterable[str], items: Iterable[str], what: str, setting: str) -> _Shape:
    """Return the shape of a request, from the descriptors that came with the protocol."""
    kinds: dict[str, int] = {request.DESCRIPTOR.full_name: 0}
    links: list[tuple[int, int, int]] = []
    pending = [request.DESCRIPTOR]
    while pending:
        descriptor = pending.pop()
        for field in descriptor.fields:
            child = field.message_type
            if child is None:
                continue
            if child.full_name not in kinds:
                kinds[child.full_name] = len(kinds)
                pending.append(child)
            links.append((kinds[descriptor.full_name], field.number, kinds[child.full_name]))
    children = np.full((len(kinds), max(number for _, number, _ in links) + 1), -1, dtype=np.int16)
    for kind, number, child_kind in links:
        children[kind, number] = child_kind
    named = {full_name.rpartition(".")[2]: kind for full_name, kind in kinds.items()}
    return _Shape(
        request.DESCRIPTOR.name,
        children,
        tuple(named[name] for name in groups),
        tuple(named[name] for name in items),
        what,
        setting,
    )


_TRACES = _shape(ExportTraceServiceRequest, ("ResourceSpans", "ScopeSpans"), ("Span",), "spans", "max_spans")
_METRICS = _shape(
    ExportMetricsServiceRequest,
    ("ResourceMetrics", "ScopeMetrics"),
    ("NumberDataPoint", "HistogramDataPoint", "ExponentialHistogramDataPoint", "SummaryDataPoint"),
    "data points",
    "max_points",
)


def _check_shape(body: bytes, shape: _Shape, limits: OtlpLimits) -> None:
    """Refuse a request that is broken or too large, before it takes any memory."""
    counts = count_messages(body, shape.children, limits.max_messages)
    if counts is None:
        raise _malformed(shape.name, body, "the fields do not fit together")
    checks = (
        (int(counts[list(shape.items)].sum()), getattr(limits, shape.setting), shape.what, shape.setting),
        (int(counts[list(shape.groups)].sum()), limits.max_groups, "resources and scopes", "max_groups"),
        (int(counts.sum()), limits.max_messages, "parts", "max_messages"),
    )
    for count, limit, what, setting in checks:
        if count > limit:
            raise TooManyItems(count, limit, what, setting)


def _malformed(name: str, body: bytes, cause: object) -> MalformedOtlp:
    return MalformedOtlp(
        f"cannot decode {name} from {len(body)} bytes of protobuf: {cause}; send OTLP protobuf, or JSON with Content-Type "
        "application/json"
    )


def _parse(message: Any, body: bytes) -> Any:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise _malformed(type(message).DESCRIPTOR.name, body, error) from error
    return message


def _scope(holder: Any, limits: OtlpLimits) -> Scope:
    scope = holder.scope
    return Scope(scope.name, scope.version, _attributes(scope.attributes, limits), holder.schema_url)


def _spans(
    messages: Iterable[Any], limits: OtlpLimits, refusals: Refusals, attributes_of: Collection[int] | None
) -> tuple[Span, ...]:
    spans: list[Span] = []
    for message in messages:
        try:
            spans.append(_span(message, limits, attributes_of))
        except BadItem as error:
            refusals.add(str(error))
    return tuple(spans)


def _span(message: Any, limits: OtlpLimits, attributes_of: Collection[int] | None) -> Span:
    name, trace_id, span_id = message.name, message.trace_id, message.span_id
    parent_id = message.parent_span_id
    check_ids(name, trace_id, span_id, parent_id)
    status, kind = message.status, message.kind
    wanted = attributes_of is None or kind in attributes_of
    return Span(
        trace_id,
        span_id,
        parent_id,
        message.flags,
        kind,
        name,
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        status.code,
        status.message,
        _attributes(message.attributes, limits) if wanted else {},
        message.trace_state,
    )


def _attributes(pairs: Any, limits: OtlpLimits) -> Attributes:
    if len(pairs) > limits.max_attributes:
        raise BadItem(
            f"{len(pairs)} attributes, {limits.max_attributes} are allowed (setting 'otlp.max_attributes')"
        )
    attributes: Attributes = {}
    for pair in pairs:
        value = pair.value
        which = value.WhichOneof("value")
        # Strings and integers first: they are nearly all.
        if which == "string_value":
            attributes[pair.key] = value.string_value
        elif which == "int_value":
            attributes[pair.key] = value.int_value
        else:
            attributes[pair.key] = _any_value(value, which, limits.max_nesting, limits)
    return attributes


def _any_value(value: Any, which: str | None, depth: int, limits: OtlpLimits) -> AttributeValue:
    if which is None:
        return None
    if which == "array_value":
        _check_depth(depth, limits)
        return tuple(
            _any_value(v, v.WhichOneof("value"), depth - 1, limits) for v in value.array_value.values
        )
    if which == "kvlist_value":
        _check_depth(depth, limits)
        return {
            pair.key: _any_value(pair.value, pair.value.WhichOneof("value"), depth - 1, limits)
            for pair in value.kvlist_value.values
        }
    scalar: AttributeValue = getattr(value, which)
    return scalar


def _check_depth(depth: int, limits: OtlpLimits) -> None:
    if depth <= 0:
        raise BadItem(f"an attribute is nested deeper than {limits.max_nesting} (setting 'otlp.max_nesting')")


def _point_count(metric: Any) -> int:
    which = metric.WhichOneof("data")
    return 0 if which is None else len(getattr(metric, which).data_points)


def _metric(message: Any, limits: OtlpLimits, refusals: Refusals) -> Metric | None:
    which = message.WhichOneof("data")
    if which is None:
        return None
    data = getattr(message, which)
    name = message.name
    if not name:
        refusals.add("a metric has no name; every metric needs one", len(data.data_points))
        return None
    kind, read = _READERS[which]
    points: list[Point] = []
    for point in data.data_points:
        try:
            points.append(read(name, point, limits))
        except BadItem as error:
            refusals.add(str(error))
    temporality = data.aggregation_temporality if which not in {"gauge", "summary"} else 0
    monotonic = which == "sum" and data.is_monotonic
    return Metric(name, message.description, message.unit, kind, temporality, monotonic, tuple(points))


def _number(name: str, point: Any, limits: OtlpLimits) -> NumberPoint:
    which = point.WhichOneof("value")
    absent = bool(point.flags & _NO_RECORDED_VALUE)
    if which is None and not absent:
        raise BadItem(f"metric {name!r}: a point has no value; set asDouble or asInt")
    return NumberPoint(
        _attributes(point.attributes, limits),
        point.start_time_unix_nano,
        point.time_unix_nano,
        0.0 if which is None else getattr(point, which),
        absent,
        _exemplars(point, limits),
    )


def _histogram(name: str, point: Any, limits: OtlpLimits) -> HistogramPoint:
    check_size(name, len(point.bucket_counts) + len(point.explicit_bounds), 2 * limits.max_buckets)
    bounds, counts = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    check_buckets(name, bounds, counts, limits.max_buckets)
    return HistogramPoint(
        _attributes(point.attributes, limits),
        point.start_time_unix_nano,
        point.time_unix_nano,
        point.count,
        point.sum if point.HasField("sum") else None,
        bounds,
        counts,
        bool(point.flags & _NO_RECORDED_VALUE),
        _exemplars(point, limits),
    )


def _exponential(name: str, point: Any, limits: OtlpLimits) -> ExponentialPoint:
    positive, negative = point.positive, point.negative
    check_size(name, len(positive.bucket_counts) + len(negative.bucket_counts), limits.max_buckets)
    return ExponentialPoint(
        _attributes(point.attributes, limits),
        point.start_time_unix_nano,
        point.time_unix_nano,
        point.count,
        point.sum if point.HasField("sum") else None,
        point.scale,
        point.zero_count,
        point.zero_threshold,
        positive.offset,
        tuple(positive.bucket_counts),
        negative.offset,
        tuple(negative.bucket_counts),
        bool(point.flags & _NO_RECORDED_VALUE),
        _exemplars(point, limits),
    )


def _summary(name: str, point: Any, limits: OtlpLimits) -> SummaryPoint:
    check_size(name, len(point.quantile_values), limits.max_buckets)
    return SummaryPoint(
        _attributes(point.attributes, limits),
        point.start_time_unix_nano,
        point.time_unix_nano,
        point.count,
        point.sum,
        tuple((q.quantile, q.value) for q in point.quantile_values),
        bool(point.flags & _NO_RECORDED_VALUE),
    )


def _exemplars(point: Any, limits: OtlpLimits) -> tuple[PointExemplar, ...]:
    if not point.exemplars:
        return ()
    return tuple(
        PointExemplar(
            exemplar.time_unix_nano,
            float(getattr(exemplar, exemplar.WhichOneof("value") or "as_double")),
            exemplar.trace_id,
            exemplar.span_id,
            _attributes(exemplar.filtered_attributes, limits),
        )
        for exemplar in point.exemplars
    )


_READERS: dict[str, tuple[MetricKind, Callable[[str, Any, OtlpLimits], Point]]] = {
    "gauge": (MetricKind.GAUGE, _number),
    "sum": (MetricKind.SUM, _number),
    "histogram": (MetricKind.HISTOGRAM, _histogram),
    "exponential_histogram": (MetricKind.EXPONENTIAL, _exponential),
    "summary": (MetricKind.SUMMARY, _summary),
}
