from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.metric_families import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    SUMMARY,
    UNTYPED,
    ClassicBucket,
    classic,
    exemplar,
    family,
    metric,
    native,
    plain,
    summary,
)
from tests.support.remote_write import message, text

from bongsu.model.errors import InvalidInput
from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.samples import MetricMetadata
from bongsu.wire.exposition.body import Exposition, ParsedExemplar
from bongsu.wire.exposition.protobuf import parse_protobuf
from bongsu.wire.messages import BadMessage

T = 1_700_000_000_123


def rows(parsed: Exposition) -> list[tuple[dict[str, str], float]]:
    return [
        (dict(parsed.labels[key]), value) for key, value in zip(parsed.series, parsed.values, strict=True)
    ]


def test_plain_values_carry_labels_times_exemplars_and_metadata() -> None:
    body = (
        family(
            "c_total",
            COUNTER,
            metric(
                COUNTER,
                plain(3.0, exemplar_content=exemplar({"id": "x"}, 0.5, T), created_ms=T - 7),
                {"a": "b"},
            ),
            help_text="Help.",
        )
        + family("g", GAUGE, metric(GAUGE, plain(-0.5), timestamp=T), unit="s")
        + family("u", UNTYPED, metric(UNTYPED, plain(1.0), {"메트릭": "값"}))
    )
    parsed = parse_protobuf(body)
    assert [
        ({"__name__": "c_total", "a": "b"}, 3.0),
        ({"__name__": "g"}, -0.5),
        ({"__name__": "u", "메트릭": "값"}, 1.0),
    ] == rows(parsed)
    assert ({1: T}, {0: T - 7}) == (parsed.timestamps, parsed.starts)
    assert [(0, ParsedExemplar((("id", "x"),), 0.5, T))] == parsed.exemplars
    assert [
        MetricMetadata("c_total", "counter", "Help."),
        MetricMetadata("g", "gauge", "", "s"),
        MetricMetadata("u", "unknown"),
    ] == parsed.metadata()


def test_summaries_and_classic_histograms_become_their_series() -> None:
    buckets = [ClassicBucket(1, 0.5), ClassicBucket(2, 1.0, exemplar({"id": "y"}, 0.7))]
    body = family("s", SUMMARY, metric(SUMMARY, summary(4, 2.5, {0.5: 1.0, 1.0: math.inf}))) + family(
        "h", HISTOGRAM, metric(HISTOGRAM, classic(3, 9.0, buckets, created_ms=T), {"x": "1"})
    )
    parsed = parse_protobuf(body)
    assert [
        ({"__name__": "s", "quantile": "0.5"}, 1.0),
        ({"__name__": "s", "quantile": "1.0"}, math.inf),
        ({"__name__": "s_sum"}, 2.5),
        ({"__name__": "s_count"}, 4.0),
        ({"__name__": "h_bucket", "x": "1", "le": "0.5"}, 1.0),
        ({"__name__": "h_bucket", "x": "1", "le": "1.0"}, 2.0),
        ({"__name__": "h_bucket", "x": "1", "le": "+Inf"}, 3.0),
        ({"__name__": "h_sum", "x": "1"}, 9.0),
        ({"__name__": "h_count", "x": "1"}, 3.0),
    ] == rows(parsed)
    assert [(5, ParsedExemplar((("id", "y"),), 0.7, None))] == parsed.exemplars
    assert dict.fromkeys(range(4, 9), T) == parsed.starts


INTEGERS = Histogram(3, 0.001, 1.0, 6.0, 2.5, ((0, 2), (1, 1)), (2.0, 1.0, 2.0), ((-2, 1),), (0.0,))
FLOATS = Histogram(-1, 0.0, 0.5, 4.0, 2.5, ((0, 1),), (3.5,), is_float=True)


@pytest.mark.parametrize("value", [INTEGERS, FLOATS])
def test_native_histograms_come_whole_and_without_their_classic_buckets(value: Histogram) -> None:
    body = family(
        "h",
        HISTOGRAM,
        metric(HISTOGRAM, native(value) + classic(0, 0.0, [ClassicBucket(6, 1.0)]), {"x": "1"}),
    )
    parsed = parse_protobuf(body)
    assert {0: value} == parsed.histograms
    assert [{"__name__": "h", "x": "1"}] == [labels for labels, _ in rows(parsed)]
    names = [labels["__name__"] for labels, _ in rows(parse_protobuf(body, classic=True))]
    assert ["h", "h_bucket", "h_bucket", "h_sum", "h_count"] == names


def test_gauge_histograms_say_so() -> None:
    parsed = parse_protobuf(family("h", GAUGE_HISTOGRAM, metric(GAUGE_HISTOGRAM, native(INTEGERS))))
    assert ResetHint.GAUGE is parsed.histograms[0].reset_hint
    assert "gaugehistogram" == parsed.metadata()[0].type


def test_known_series_are_not_read_again_and_keys_tell_series_apart() -> None:
    body = family("a", GAUGE, metric(GAUGE, plain(1.0), {"x": "1"}), metric(GAUGE, plain(2.0), {"x": "2"}))
    first = parse_protobuf(body)
    assert 2 == len(set(first.series))
    again = parse_protobuf(body, known=set(first.series))
    assert (first.series, {}) == (again.series, again.labels)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"\x05ab", "a metric family of 5 bytes is cut off after 2"),
        (family("", GAUGE), "a metric family has no name"),
        (family("a", 9), "metric family 'a' has the unknown type 9"),
        (family("a", GAUGE, metric(COUNTER, plain(1.0))), "metric 'a' of type gauge has no such value"),
        (
            family("a", GAUGE, message(1, text(1, "x")) * 2 + metric(GAUGE, plain(1.0))),
            "series 'a' has a label twice or one without a name: ['__name__', 'x', 'x']",
        ),
    ],
)
def test_errors_say_what_is_wrong(body: bytes, error: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_protobuf(body)
    assert error == caught.value.message


GOOD = family(
    "h", HISTOGRAM, metric(HISTOGRAM, native(INTEGERS) + classic(0, 0.0, [ClassicBucket(6, 1.0)]))
) + family("s", SUMMARY, metric(SUMMARY, summary(4, 2.5, {0.5: 1.0})))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


def parse_or_error(body: bytes) -> Exposition | InvalidInput:
    try:
        return parse_protobuf(body, classic=True)
    except InvalidInput as error:
        return error


@given(st.one_of(st.binary(max_size=40), damaged()))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_samples_or_a_declared_error(body: bytes) -> None:
    outcome = parse_or_error(body)
    if isinstance(outcome, Exposition):
        assert len(outcome.series) == len(outcome.values)
    else:
        assert len(outcome.message) < 2_000
