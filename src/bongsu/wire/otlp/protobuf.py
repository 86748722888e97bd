"""OTLP requests in protobuf to batches. The parser is protobuf's own (upb); this module only walks its messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar as ExemplarMessage
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as MetricMessage

from bongsu.kernels.protobuf_shape import count_messages
from bongsu.wire.otlp.frame import NO_RECORDED_VALUE, metric_batch, span_batch, taken
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
    StatusCode,
    SummaryPoint,
    exception_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

# Messages are typed `Any`: their classes are made at run time and their stubs are not part of every installation.

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
    frame = _Frame(_parse(ExportTraceServiceRequest(), body).resource_spans, "spans", limits)
    return span_batch(frame, lambda message: _span(message, limits, attributes_of), Refusals())


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
    refusals = Refusals()
    frame = _Frame(_parse(ExportMetricsServiceRequest(), body).resource_metrics, "metrics", limits)
    return metric_batch(frame, lambda message: _metric(message, limits, refusals), refusals)


def read_metric(body: bytes, limits: OtlpLimits, refusals: Refusals) -> Metric | None:
    """
    Return one ``Metric`` of a request, without the points that cannot be taken; None when it holds no data.

    Raises
    ------
    MalformedOtlp
        If the bytes are not such a message.
    """
    return _metric(_parse(MetricMessage(), body), limits, refusals)


def read_exemplar(body: bytes, limits: OtlpLimits) -> PointExemplar:
    """
    Return one ``Exemplar`` of a request.

    Raises
    ------
    MalformedOtlp
        If the bytes are not such a message.
    BadItem
        If its point cannot be taken.
    """
    return _exemplar(_parse(ExemplarMessage(), body), limits)


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


@dataclass(frozen=True, slots=True)
class _Frame:
    """The levels of a parsed request; `of` is ``spans`` or ``metrics``."""

    holders: Sequence[Any]
    of: str
    limits: OtlpLimits

    def resources(self) -> Sequence[Any]:
        return self.holders

    def scopes(self, holder: Any) -> Sequence[Any]:
        scopes: Sequence[Any] = getattr(holder, f"scope_{self.of}")
        return scopes

    def items(self, holder: Any) -> Sequence[Any]:
        items: Sequence[Any] = getattr(holder, self.of)
        return items

    def size(self, message: Any) -> int:
        return 1 if self.of == "spans" else _point_count(message)

    def resource(self, holder: Any) -> Resource:
        return Resource(_attributes(holder.resource.attributes, self.limits))

    def scope(self, holder: Any) -> Scope:
        scope = holder.scope
        return Scope(scope.name, scope.version, _attributes(scope.attributes, self.limits), holder.schema_url)


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
        _exception(message.events, limits) if wanted and status.code == StatusCode.ERROR else NO_EXCEPTION,
    )


def _exception(events: Any, limits: OtlpLimits) -> tuple[str, str]:
    for event in reversed(events):
        if event.name == EXCEPTION_EVENT:
            return exception_of(_attributes(event.attributes, limits))
    return NO_EXCEPTION


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
    points = taken(data.data_points, lambda point: read(name, point, limits), refusals)
    temporality = data.aggregation_temporality if which not in {"gauge", "summary"} else 0
    monotonic = which == "sum" and data.is_monotonic
    return Metric(name, message.description, message.unit, kind, temporality, monotonic, points)


def _number(name: str, point: Any, limits: OtlpLimits) -> NumberPoint:
    which = point.WhichOneof("value")
    absent = bool(point.flags & NO_RECORDED_VALUE)
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
        bool(point.flags & NO_RECORDED_VALUE),
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
        bool(point.flags & NO_RECORDED_VALUE),
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
        bool(point.flags & NO_RECORDED_VALUE),
    )


def _exemplars(point: Any, limits: OtlpLimits) -> tuple[PointExemplar, ...]:
    if not point.exemplars:
        return ()
    return tuple(_exemplar(exemplar, limits) for exemplar in point.exemplars)


def _exemplar(message: Any, limits: OtlpLimits) -> PointExemplar:
    return PointExemplar(
        message.time_unix_nano,
        float(getattr(message, message.WhichOneof("value") or "as_double")),
        message.trace_id,
        message.span_id,
        _attributes(message.filtered_attributes, limits),
    )


_READERS: dict[str, tuple[MetricKind, Callable[[str, Any, OtlpLimits], Point]]] = {
    "gauge": (MetricKind.GAUGE, _number),
    "sum": (MetricKind.SUM, _number),
    "histogram": (MetricKind.HISTOGRAM, _histogram),
    "exponential_histogram": (MetricKind.EXPONENTIAL, _exponential),
    "summary": (MetricKind.SUMMARY, _summary),
}
