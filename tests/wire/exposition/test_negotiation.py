from __future__ import annotations

import pytest

from bongsu.model.errors import InvalidInput
from bongsu.wire.exposition.negotiation import (
    NATIVE_PROTOCOLS,
    Format,
    accept_header,
    format_of,
    wants_protobuf,
)


def test_native_histograms_are_asked_for_in_protobuf() -> None:
    assert (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,"
        "*/*;q=0.1"
    ) == accept_header(NATIVE_PROTOCOLS)


def test_formats_are_asked_for_in_the_order_of_prometheus() -> None:
    assert (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,"
        "*/*;q=0.2"
    ) == accept_header()


def test_the_order_and_the_escaping_of_names_can_be_chosen() -> None:
    assert (
        "text/plain;version=1.0.0;escaping=dots;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
    ) == accept_header(("PrometheusText1.0.0", "PrometheusText0.0.4"), "dots")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", Format.TEXT),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Format.TEXT),
        ("text/plain", Format.TEXT),
        ('Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', Format.OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", Format.OPENMETRICS),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Format.PROTOBUF,
        ),
    ],
)
def test_content_types_name_a_format(content_type: str, expected: Format) -> None:
    assert expected is format_of(content_type)
    assert expected is format_of(Format(expected).value)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/html",
        "text/plain; version=2.0",
        "application/json",
        "application/vnd.google.protobuf; encoding=text",
    ],
)
def test_other_content_types_are_refused_unless_there_is_a_fallback(content_type: str | None) -> None:
    with pytest.raises(InvalidInput, match="unsupported Content-Type") as caught:
        format_of(content_type)
    assert "bad-content-type" == caught.value.id
    assert Format.TEXT is format_of(content_type, Format.TEXT)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        (accept_header(), False),
        (accept_header(NATIVE_PROTOCOLS), True),
        (f"text/plain;q=0.9,{Format.PROTOBUF.value};q=0.8", False),
        (f"text/plain;q=0.7,{Format.PROTOBUF.value};q=0.8", True),
        (f"{Format.PROTOBUF.value};q=nonsense", False),
        ("application/vnd.google.protobuf;encoding=text", False),
    ],
)
def test_protobuf_is_sent_to_those_who_like_it_best(accept: str, expected: bool) -> None:
    assert expected == wants_protobuf(accept)
