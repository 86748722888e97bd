"""OTLP requests for tests: batches written as protobuf and as JSON, the mirror of the readers."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bongsu.wire.otlp.values import (
    NO_EXCEPTION,
    Attributes,
    AttributeValue,
    ExponentialPoint,
    HistogramPoint,
    Metric,
    MetricBatch,
    NumberPoint,
    Point,
    PointExemplar,
    Span,
    SpanBatch,
    SummaryPoint,
)

_DATA_FIELDS = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponential histogram": "exponential_histogram",
    "summary": "summary",
}


def spans_protobuf(batch: SpanBatch) -> bytes:
    request = ExportTraceServiceRequest()
    for group in batch.groups:
        resource = request.resource_spans.add()
        _fill(resource.resource.attributes, group.resource.attributes)
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = group.scope.name, group.scope.version
        scope.schema_url = group.scope.schema_url
        _fill(scope.scope.attributes, group.scope.attributes)
        for span in group.spans:
            _fill_span(scope.spans.add(), span)
    body: bytes = request.SerializeToString()
    return body


def _fill_span(message: Any, span: Span) -> None:
    message.trace_id, message.span_id, message.parent_span_id = span.trace_id, span.span_id, span.parent_id
    message.flags, message.kind, message.name = span.flags, span.kind, span.name
    message.start_time_unix_nano, message.end_time_unix_nano = span.start_ns, span.end_ns
    message.status.code, message.status.message = span.status, span.status_message
    message.trace_state = span.trace_state
    for event in _events(span):
        _fill(message.events.add(name=event[0]).attributes, event[1])
    _fill(message.attributes, span.attributes)


def _events(span: Span) -> list[tuple[str, Attributes]]:
    """Return the events of a span: one that is no exception, exceptions of which the last counts."""
    if span.exception == NO_EXCEPTION:
        return []
    kind, message = span.exception
    said: Attributes = {"exception.type": kind, "exception.message": message, "exception.escaped": True}
    return [("exception", {"exception.type": "First"}), ("exception", said), ("retry", {"n": 1})]


def metrics_protobuf(batch: MetricBatch) -> bytes:
    request = ExportMetricsServiceRequest()
    for group in batch.groups:
        resource = request.resource_metrics.add()
        _fill(resource.resource.attributes, group.resource.attributes)
        scope = resource.scope_metrics.add()
        scope.scope.name, scope.scope.version = group.scope.name, group.scope.version
        scope.schema_url = group.scope.schema_url
        _fill(scope.scope.attributes, group.scope.attributes)
        for metric in group.metrics:
            _fill_metric(scope.metrics.add(), metric)
    body: bytes = request.SerializeToString()
    return body


def _fill_metric(message: Any, metric: Metric) -> None:
    message.name, message.description, message.unit = metric.name, metric.description, metric.unit
    which = _DATA_FIELDS[metric.kind.value]
    data = getattr(message, which)
    data.SetInParent()
    if which not in {"gauge", "summary"}:
        data.aggregation_temporality = metric.temporality
    if which == "sum":
        data.is_monotonic = metric.monotonic
    for point in metric.points:
        _fill_point(data.data_points.add(), point)


def _fill_point(message: Any, point: Point) -> None:
    message.start_time_unix_nano, message.time_unix_nano = point.start_ns, point.time_ns
    message.flags = int(point.absent)
    _fill(message.attributes, point.attributes)
    for exemplar in () if isinstance(point, SummaryPoint) else point.exemplars:
        _fill_exemplar(message.exemplars.add(), exemplar)
    if isinstance(point, NumberPoint):
        if not point.absent:
            setattr(message, "as_int" if isinstance(point.value, int) else "as_double", point.value)
        return
    message.count = point.observations
    if point.sum is not None:
        message.sum = point.sum
    if isinstance(point, HistogramPoint):
        message.explicit_bounds.extend(point.bounds)
        message.bucket_counts.extend(point.counts)
    elif isinstance(point, ExponentialPoint):
        message.scale, message.zero_count = point.scale, point.zero_count
        message.zero_threshold = point.zero_threshold
        message.positive.offset, message.negative.offset = point.positive_offset, point.negative_offset
        message.positive.bucket_counts.extend(point.positive_counts)
        message.negative.bucket_counts.extend(point.negative_counts)
    else:
        for quantile, value in point.quantiles:
            added = message.quantile_values.add()
            added.quantile, added.value = quantile, value


def _fill_exemplar(message: Any, exemplar: PointExemplar) -> None:
    message.time_unix_nano, message.as_double = exemplar.time_ns, exemplar.value
    message.trace_id, message.span_id = exemplar.trace_id, exemplar.span_id
    _fill(message.filtered_attributes, exemplar.attributes)


def _fill(field: Any, attributes: Attributes) -> None:
    for key, value in attributes.items():
        pair = field.add()
        pair.key = key
        _fill_value(pair.value, value)


def _fill_value(message: Any, value: AttributeValue) -> None:
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif isinstance(value, tuple):
        message.array_value.SetInParent()
        for element in value:
            _fill_value(message.array_value.values.add(), element)
    elif isinstance(value, dict):
        message.kvlist_value.SetInParent()
        _fill(message.kvlist_value.values, value)


def spans_json(batch: SpanBatch) -> bytes:
    return _dump(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _pairs(group.resource.attributes)},
                    "scopeSpans": [{**_scope(group.scope), "spans": [_json_span(s) for s in group.spans]}],
                }
                for group in batch.groups
            ]
        }
    )


def _json_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_id.hex(),
        "flags": span.flags,
        "kind": span.kind,
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "status": {"code": span.status, "message": span.status_message},
        "attributes": _pairs(span.attributes),
        "traceState": span.trace_state,
        "events": [{"name": name, "attributes": _pairs(said)} for name, said in _events(span)],
    }


def metrics_json(batch: MetricBatch) -> bytes:
    return _dump(
        {
            "resourceMetrics": [
                {
                    "resource": {"attributes": _pairs(group.resource.attributes)},
                    "scopeMetrics": [
                        {**_scope(group.scope), "metrics": [_json_metric(m) for m in group.metrics]}
                    ],
                }
                for group in batch.groups
            ]
        }
    )


def _json_metric(metric: Metric) -> dict[str, Any]:
    head, *rest = _DATA_FIELDS[metric.kind.value].split("_")
    data: dict[str, Any] = {"dataPoints": [_json_point(point) for point in metric.points]}
    if metric.temporality:
        data["aggregationTemporality"] = metric.temporality
    if metric.monotonic:
        data["isMonotonic"] = True
    return {
        "name": metric.name,
        "description": metric.description,
        "unit": metric.unit,
        head + "".join(word.title() for word in rest): data,
    }


def _json_point(point: Point) -> dict[str, Any]:
    common: dict[str, Any] = {
        "attributes": _pairs(point.attributes),
        "startTimeUnixNano": str(point.start_ns),
        "timeUnixNano": str(point.time_ns),
        "flags": int(point.absent),
        "exemplars": [
            {
                "timeUnixNano": str(e.time_ns),
                "asDouble": _double(e.value),
                "traceId": e.trace_id.hex(),
                "spanId": e.span_id.hex(),
                "filteredAttributes": _pairs(e.attributes),
            }
            for e in (() if isinstance(point, SummaryPoint) else point.exemplars)
        ],
    }
    if isinstance(point, NumberPoint):
        if not point.absent:
            whole = isinstance(point.value, int)
            common["asInt" if whole else "asDouble"] = str(point.value) if whole else _double(point.value)
        return common
    common["count"] = str(point.observations)
    if point.sum is not None:
        common["sum"] = _double(point.sum)
    if isinstance(point, HistogramPoint):
        common["explicitBounds"] = [_double(bound) for bound in point.bounds]
        common["bucketCounts"] = [str(count) for count in point.counts]
    elif isinstance(point, ExponentialPoint):
        common |= {
            "scale": point.scale,
            "zeroCount": str(point.zero_count),
            "zeroThreshold": point.zero_threshold,
            "positive": {
                "offset": point.positive_offset,
                "bucketCounts": list(map(str, point.positive_counts)),
            },
            "negative": {
                "offset": point.negative_offset,
                "bucketCounts": list(map(str, point.negative_counts)),
            },
        }
    elif isinstance(point, SummaryPoint):
        common["quantileValues"] = [{"quantile": q, "value": _double(v)} for q, v in point.quantiles]
    return common


def _scope(scope: Any) -> dict[str, Any]:
    inner = {"name": scope.name, "version": scope.version, "attributes": _pairs(scope.attributes)}
    return {"scope": inner, "schemaUrl": scope.schema_url}


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]


def _json_value(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": _double(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_json_value(element) for element in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _pairs(value)}}
    return {}


def _double(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _dump(document: Any) -> bytes:
    return json.dumps(document).encode()
