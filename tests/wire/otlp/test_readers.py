"""Both readers of OTLP give the same batches, and no bytes make them fall."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.otlp import metrics_json, metrics_protobuf, spans_json, spans_protobuf

from bongsu.wire.otlp import json_reader, protobuf
from bongsu.wire.otlp.limits import MalformedOtlp, OtlpLimits, TooManyItems
from bongsu.wire.otlp.values import (
    NO_EXCEPTION,
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
    StatusCode,
    SummaryPoint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
uint64 = st.integers(0, 2**64 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
doubles = st.floats(
    allow_nan=False
)  # NaN is tested apart: it equals nothing, so batches could not be compared
scalars: st.SearchStrategy[AttributeValue] = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    doubles,
    st.binary(max_size=5),
    st.none(),
)
values: st.SearchStrategy[AttributeValue] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=5,
)
attributes = st.dictionaries(texts, values, max_size=4)
trace_ids = st.binary(min_size=16, max_size=16).filter(any)
span_ids = st.binary(min_size=8, max_size=8).filter(any)
resources = st.builds(Resource, attributes)
scopes = st.builds(Scope, texts, texts, attributes, texts)
spans = st.builds(
    Span,
    trace_ids,
    span_ids,
    st.one_of(st.just(b""), span_ids),
    st.integers(0, 2**32 - 1),
    st.integers(0, 5),
    texts,
    uint64,
    uint64,
    st.integers(0, 2),
    texts,
    attributes,
    texts,
    st.tuples(texts, texts),
).map(lambda span: span if span.status == StatusCode.ERROR else span._replace(exception=NO_EXCEPTION))
span_groups = st.builds(SpanGroup, resources, scopes, st.lists(spans, max_size=4).map(tuple))
span_batches = st.lists(span_groups, max_size=3).map(lambda groups: SpanBatch(tuple(groups)))
exemplars = st.lists(
    st.builds(PointExemplar, uint64, doubles, st.one_of(st.just(b""), trace_ids), st.just(b""), attributes),
    max_size=2,
).map(tuple)
ints_or_doubles = st.one_of(st.integers(-(2**63), 2**63 - 1), doubles)
number_points = st.one_of(
    st.builds(NumberPoint, attributes, uint64, uint64, ints_or_doubles, st.just(False), exemplars),
    st.builds(NumberPoint, attributes, uint64, uint64, st.just(0.0), st.just(True), exemplars),
)
counts = st.lists(uint64, max_size=4).map(tuple)


@st.composite
def histogram_points(draw: st.DrawFn) -> HistogramPoint:
    bounds = tuple(sorted(set(draw(st.lists(doubles, max_size=4)))))
    size = len(bounds) + 1 if bounds else draw(st.integers(0, 1))
    buckets = tuple(draw(st.lists(uint64, min_size=size, max_size=size)))
    sums = draw(st.one_of(st.none(), doubles))
    return HistogramPoint(
        draw(attributes),
        draw(uint64),
        draw(uint64),
        draw(uint64),
        sums,
        bounds,
        buckets,
        draw(st.booleans()),
        draw(exemplars),
    )


exponential_points = st.builds(
    ExponentialPoint,
    attributes,
    uint64,
    uint64,
    uint64,
    st.one_of(st.none(), doubles),
    int32,
    uint64,
    st.floats(0, 1),
    int32,
    counts,
    int32,
    counts,
    st.booleans(),
    exemplars,
)
summary_points = st.builds(
    SummaryPoint,
    attributes,
    uint64,
    uint64,
    uint64,
    doubles,
    st.lists(st.tuples(st.floats(0, 1), doubles), max_size=3).map(tuple),
    st.booleans(),
)


def metrics_of(
    kind: MetricKind, points: st.SearchStrategy[Point], *, temporality: bool = False, monotonic: bool = False
) -> st.SearchStrategy[Metric]:
    return st.builds(
        Metric,
        texts.filter(bool),
        texts,
        texts,
        st.just(kind),
        st.integers(0, 2) if temporality else st.just(0),
        st.booleans() if monotonic else st.just(False),
        st.lists(points, max_size=3).map(tuple),
    )


metrics = st.one_of(
    metrics_of(MetricKind.GAUGE, number_points),
    metrics_of(MetricKind.SUM, number_points, temporality=True, monotonic=True),
    metrics_of(MetricKind.HISTOGRAM, histogram_points(), temporality=True),
    metrics_of(MetricKind.EXPONENTIAL, exponential_points, temporality=True),
    metrics_of(MetricKind.SUMMARY, summary_points),
)
groups_of_metrics = st.tuples(resources, scopes, st.lists(metrics, max_size=3).map(tuple))
metric_groups = groups_of_metrics.map(lambda given: MetricGroup(*given))
metric_batches = st.lists(metric_groups, max_size=2).map(lambda groups: MetricBatch(tuple(groups)))


@settings(max_examples=40, deadline=None)
@given(span_batches)
def test_spans_survive_protobuf(batch: SpanBatch) -> None:
    assert batch == protobuf.read_spans(spans_protobuf(batch))


@settings(max_examples=40, deadline=None)
@given(span_batches)
def test_spans_survive_json(batch: SpanBatch) -> None:
    assert batch == json_reader.read_spans(spans_json(batch))


@settings(max_examples=40, deadline=None)
@given(metric_batches)
def test_metrics_survive_protobuf(batch: MetricBatch) -> None:
    assert batch == protobuf.read_metrics(metrics_protobuf(batch))


@settings(max_examples=40, deadline=None)
@given(metric_batches)
def test_metrics_survive_json(batch: MetricBatch) -> None:
    assert batch == json_reader.read_metrics(metrics_json(batch))


READERS: list[Callable[[bytes], Any]] = [
    protobuf.read_spans,
    protobuf.read_metrics,
    json_reader.read_spans,
    json_reader.read_metrics,
]


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_give_a_batch_or_the_declared_error(read: Callable[[bytes], Any], body: bytes) -> None:
    with contextlib.suppress(MalformedOtlp):
        read(body)


@settings(max_examples=60, deadline=None)
@given(span_batches, st.data())
def test_damaged_protobuf_gives_a_batch_or_the_declared_error(batch: SpanBatch, data: st.DataObject) -> None:
    body = bytearray(spans_protobuf(batch))
    for _ in range(data.draw(st.integers(1, 4))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedOtlp):
        protobuf.read_spans(bytes(body[: data.draw(st.integers(0, len(body)))]))


json_documents = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                texts,
                st.sampled_from(
                    [
                        "resourceSpans",
                        "resourceMetrics",
                        "resource",
                        "attributes",
                        "scopeSpans",
                        "scopeMetrics",
                        "scope",
                        "spans",
                        "metrics",
                        "gauge",
                        "sum",
                        "histogram",
                        "exponentialHistogram",
                        "summary",
                        "dataPoints",
                        "key",
                        "value",
                        "stringValue",
                        "arrayValue",
                        "kvlistValue",
                        "values",
                        "bytesValue",
                        "traceId",
                        "spanId",
                        "status",
                        "code",
                        "kind",
                        "positive",
                        "bucketCounts",
                    ]
                ),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("read", [json_reader.read_spans, json_reader.read_metrics])
@settings(max_examples=60, deadline=None)
@given(document=json_documents)
def test_any_json_gives_a_batch_or_the_declared_error(read: Callable[[bytes], Any], document: Any) -> None:
    inner = {"resourceSpans": [{"scopeSpans": [{"spans": [document, document]}], "resource": document}]}
    inner |= {"resourceMetrics": [{"scopeMetrics": [{"metrics": document, "scope": document}]}]}
    for candidate in (document, inner):
        with contextlib.suppress(MalformedOtlp):
            read(json.dumps(candidate).encode())


def one_span(**changes: Any) -> Span:
    base = Span(b"t" * 16, b"s" * 8, b"", 0, 2, "GET /", 1_000, 2_000, 0, "", {})
    return base._replace(**changes)


def one_batch(*spans: Span) -> SpanBatch:
    return SpanBatch((SpanGroup(Resource({"service.name": "shop"}), Scope("lib"), spans),))


@pytest.mark.parametrize(
    ("read", "write"), [(protobuf.read_spans, spans_protobuf), (json_reader.read_spans, spans_json)]
)
@pytest.mark.parametrize(
    "bad",
    [
        one_span(trace_id=b"short"),
        one_span(trace_id=b"\0" * 16),
        one_span(span_id=b""),
        one_span(parent_id=b"\1" * 7),
        one_span(attributes={"deep": ((((((((("x",),),),),),),),),)}),
        one_span(attributes={f"key{i}": i for i in range(11)}),
    ],
)
def test_a_bad_span_does_not_cost_the_others(read: Any, write: Any, bad: Span) -> None:
    good = one_span()
    batch = read(write(one_batch(good, bad, good)), OtlpLimits(max_attributes=10))
    assert (good, good) == batch.groups[0].spans
    assert batch.refused.count == 1
    assert batch.refused.reasons


@pytest.mark.parametrize(
    ("read", "write"), [(protobuf.read_spans, spans_protobuf), (json_reader.read_spans, spans_json)]
)
def test_spans_under_a_refused_resource_are_counted(read: Any, write: Any) -> None:
    bad = SpanGroup(Resource({f"key{i}": i for i in range(11)}), Scope("lib"), (one_span(), one_span()))
    batch = read(write(SpanBatch((bad, *one_batch(one_span()).groups))), OtlpLimits(max_attributes=10))
    assert len(batch) == 1
    assert batch.refused.count == 2


@pytest.mark.parametrize(
    ("read", "write"), [(protobuf.read_spans, spans_protobuf), (json_reader.read_spans, spans_json)]
)
def test_too_many_spans_name_the_limit_and_the_setting(read: Any, write: Any) -> None:
    with pytest.raises(TooManyItems) as caught:
        read(write(one_batch(one_span(), one_span(), one_span())), OtlpLimits(max_spans=2))
    assert (
        caught.value.message == "the request has 3 spans or more, 2 are allowed in one request; "
        "send smaller batches or raise the setting 'otlp.max_spans'"
    )


def one_metric(kind: MetricKind, *points: Point, name: str = "m") -> MetricBatch:
    metric = Metric(name, "", "", kind, 0, False, points)
    return MetricBatch((MetricGroup(Resource({}), Scope(), (metric,)),))


METRIC_CODECS = [(protobuf.read_metrics, metrics_protobuf), (json_reader.read_metrics, metrics_json)]


@pytest.mark.parametrize(("read", "write"), METRIC_CODECS)
def test_too_many_points_name_the_limit_and_the_setting(read: Any, write: Any) -> None:
    batch = one_metric(MetricKind.GAUGE, *[NumberPoint({}, 0, 1, 1.0)] * 3)
    with pytest.raises(TooManyItems, match=r"'otlp\.max_points'"):
        read(write(batch), OtlpLimits(max_points=2))


@pytest.mark.parametrize(("read", "write"), METRIC_CODECS)
@pytest.mark.parametrize(
    "bad",
    [
        HistogramPoint({}, 0, 1, 1, 1.0, (1.0, 2.0), (1,)),
        HistogramPoint({}, 0, 1, 1, 1.0, (2.0, 1.0), (1, 0, 0)),
        HistogramPoint({}, 0, 1, 1, 1.0, tuple(map(float, range(40))), (0,) * 41),
    ],
)
def test_a_bad_histogram_does_not_cost_the_others(read: Any, write: Any, bad: HistogramPoint) -> None:
    good = HistogramPoint({}, 0, 1, 3, 4.0, (1.0, 2.0), (1, 1, 1))
    batch = read(write(one_metric(MetricKind.HISTOGRAM, bad, good)), OtlpLimits(max_buckets=20))
    assert (good,) == batch.groups[0].metrics[0].points
    assert batch.refused.count == 1


@pytest.mark.parametrize(("read", "write"), METRIC_CODECS)
def test_points_without_a_metric_name_are_refused(read: Any, write: Any) -> None:
    batch = read(write(one_metric(MetricKind.GAUGE, NumberPoint({}, 0, 1, 1.0), name="")))
    assert len(batch) == 0
    assert batch.refused.count == 1


@pytest.mark.parametrize(("read", "write"), METRIC_CODECS)
def test_nan_is_a_value(read: Any, write: Any) -> None:
    batch = read(write(one_metric(MetricKind.GAUGE, NumberPoint({}, 0, 1, float("nan")))))
    value = batch.groups[0].metrics[0].points[0].value
    assert value != value


def json_spans(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


JSON_SPAN: dict[str, Any] = {
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "EEE19B7EC3C1B174",
    "name": "GET /",
}


@pytest.mark.parametrize(("kind", "expected"), [(2, 2), ("2", 2), ("SPAN_KIND_SERVER", 2), (None, 0)])
def test_enums_are_numbers_or_names(kind: Any, expected: int) -> None:
    batch = json_reader.read_spans(json_spans(JSON_SPAN | {"kind": kind}))
    assert expected == batch.groups[0].spans[0].kind


@pytest.mark.parametrize("time", [1544712660300000000, "1544712660300000000"])
def test_64_bit_integers_are_numbers_or_strings(time: Any) -> None:
    batch = json_reader.read_spans(json_spans(JSON_SPAN | {"endTimeUnixNano": time}))
    assert batch.groups[0].spans[0].end_ns == 1544712660300000000


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "SPAN_KIND_NOBODY"},
        {"endTimeUnixNano": -1},
        {"endTimeUnixNano": "1e3"},
        {"endTimeUnixNano": 2**64},
        {"endTimeUnixNano": "9" * 5000},
        {"name": 3},
        {"traceId": "zz"},
        {"traceId": "é" * 32},
        {"attributes": {"key": "value"}},
        {"attributes": [{"key": "k", "value": {"bytesValue": "%%%"}}]},
        {"attributes": [{"key": "k", "value": {"boolValue": "yes"}}]},
        {"status": []},
    ],
)
def test_a_json_span_with_an_unfit_field_is_refused_alone(change: dict[str, Any]) -> None:
    batch = json_reader.read_spans(json_spans(JSON_SPAN, JSON_SPAN | change))
    assert len(batch) == 1
    assert batch.refused.count == 1


def test_unknown_json_fields_are_ignored() -> None:
    assert len(json_reader.read_spans(json_spans(JSON_SPAN | {"color": {"deep": [1]}}))) == 1


def test_the_error_of_damaged_protobuf_names_message_and_size() -> None:
    with pytest.raises(
        MalformedOtlp, match=r"cannot decode ExportTraceServiceRequest from 3 bytes of protobuf"
    ):
        protobuf.read_spans(b"\xff\xff\xff")


def test_protobuf_nested_beyond_all_limits_is_refused() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = b"t" * 16, b"s" * 8
    value = span.attributes.add().value
    for _ in range(20):
        value = value.array_value.values.add()
    assert protobuf.read_spans(request.SerializeToString()).refused.count == 1
    for _ in range(2000):
        value = value.array_value.values.add()
    with pytest.raises(MalformedOtlp):
        protobuf.read_spans(_serialized(request))


def _serialized(request: Any) -> bytes:
    """Serialize by hand from the inside out: the library refuses to write such depth."""
    inner = b""
    for _ in range(2000):
        array = b"\x0a" + _length(inner) + inner
        inner = b"\x2a" + _length(array) + array
    pair = b"\x0a\x01k\x12" + _length(inner) + inner
    span = b"\x4a" + _length(pair) + pair
    for tag in (b"\x12", b"\x12", b"\x0a"):
        span = tag + _length(span) + span
    return span


def _length(data: bytes) -> bytes:
    size, out = len(data), bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)


@pytest.mark.parametrize(
    ("body", "limits", "setting"),
    [
        (b"\x0a\x00" * 20, OtlpLimits(max_groups=10), "max_groups"),
        (b"\x0a\x06\x12\x04\x12\x02\x4a\x00" * 5, OtlpLimits(max_messages=19), "max_messages"),
        (b"\x0a\x02\x12\x00" * 10, OtlpLimits(max_groups=19), "max_groups"),
    ],
)
def test_a_request_of_many_empty_parts_is_refused_before_it_is_parsed(
    body: bytes, limits: OtlpLimits, setting: str
) -> None:
    with pytest.raises(TooManyItems, match=f"'otlp.{setting}'"):
        protobuf.read_spans(body, limits)


@pytest.mark.parametrize(
    ("body", "limits", "setting"),
    [
        (b'{"resourceSpans":[%s{}]}' % (b"{}," * 20), OtlpLimits(max_groups=10), "max_groups"),
        (b"[" * 20, OtlpLimits(max_messages=19), "max_messages"),
        (
            b'{"resourceSpans":[{"scopeSpans":[%s{}]}]}' % (b"{}," * 20),
            OtlpLimits(max_groups=10),
            "max_groups",
        ),
    ],
)
def test_a_json_request_of_many_empty_parts_is_refused(body: bytes, limits: OtlpLimits, setting: str) -> None:
    with pytest.raises(TooManyItems, match=f"'otlp.{setting}'"):
        json_reader.read_spans(body, limits)


@pytest.mark.parametrize(
    ("read", "write"), [(protobuf.read_spans, spans_protobuf), (json_reader.read_spans, spans_json)]
)
def test_attributes_are_read_for_the_wanted_kinds_only(read: Any, write: Any) -> None:
    server, client = (one_span(kind=kind, attributes={"a": 1}) for kind in (2, 3))
    batch = read(write(one_batch(server, client)), attributes_of={2})
    assert (server, client._replace(attributes={})) == batch.groups[0].spans
