"""Names of OpenTelemetry in Prometheus' form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.ingest.otlp_names import bound_text, label_name, label_value, labels_of, metric_name, unit_word
from bongsu.model.labels import is_legacy_label, is_legacy_metric
from bongsu.wire.otlp.values import MetricKind

GAUGE, SUM, HISTOGRAM = MetricKind.GAUGE, MetricKind.SUM, MetricKind.HISTOGRAM


@pytest.mark.parametrize(
    ("name", "unit", "kind", "monotonic", "expected"),
    [
        ("http.server.request.duration", "s", HISTOGRAM, False, "http_server_request_duration_seconds"),
        ("http.server.active_requests", "{request}", SUM, False, "http_server_active_requests"),
        ("system.cpu.utilization", "1", GAUGE, False, "system_cpu_utilization_ratio"),
        ("system.cpu.time", "s", SUM, True, "system_cpu_time_seconds_total"),
        ("system.network.io", "By", SUM, True, "system_network_io_bytes_total"),
        ("requests.total", "1", SUM, True, "requests_total"),
        ("total.requests", "", SUM, True, "requests_total"),
        ("disk.speed", "By/s", GAUGE, False, "disk_speed_bytes_per_second"),
        ("speed", "m/s", GAUGE, False, "speed_meters_per_second"),
        ("queue.rate", "{item}/h", GAUGE, False, "queue_rate_per_hour"),
        ("uptime.seconds", "s", GAUGE, False, "uptime_seconds"),
        ("fuel", "foo bar", GAUGE, False, "fuel_foo_bar"),
        ("2xx.count", "", SUM, True, "_2xx_count_total"),
        ("a__b..c-d", "", GAUGE, False, "a_b_c_d"),
        ("job:rate", "", GAUGE, False, "job:rate"),
        ("cpu", "%", GAUGE, False, "cpu_percent"),
        ("봉수", "", GAUGE, False, ""),
    ],
)
def test_metric_names(name: str, unit: str, kind: MetricKind, monotonic: bool, expected: str) -> None:
    assert expected == metric_name(name, unit, kind, monotonic=monotonic)


@given(st.text(max_size=20), st.text(max_size=6), st.sampled_from(MetricKind), st.booleans())
def test_every_metric_name_is_a_legacy_name_or_empty(
    name: str, unit: str, kind: MetricKind, monotonic: bool
) -> None:
    made = metric_name(name, unit, kind, monotonic=monotonic)
    assert not made or is_legacy_metric(made)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("http.route", "http_route"),
        ("a..b", "a__b"),
        ("1st", "key_1st"),
        ("_hidden", "key_hidden"),
        ("__name", "__name"),
        ("", ""),
    ],
)
def test_label_names(key: str, expected: str) -> None:
    assert expected == label_name(key)


@given(st.text(min_size=1, max_size=10))
def test_every_label_name_is_a_legacy_name(key: str) -> None:
    assert is_legacy_label(label_name(key))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (True, "true"),
        (8080, "8080"),
        (0.5, "0.5"),
        (2.0, "2"),
        (b"\x01\x02", "AQI="),
        (("a", 1, b"\x01"), '["a",1,"AQ=="]'),
        ({"k": (1, 2)}, '{"k":[1,2]}'),
        (None, ""),
    ],
)
def test_label_values(value: object, expected: str) -> None:
    assert expected == label_value(value)


def test_attributes_that_become_the_same_label_are_joined() -> None:
    assert {"a_b": "1;2;3", "c": "x"} == labels_of({"a_b": "3", "a.b": "2", "a-b": "1", "c": "x", "d": ""})


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (0.005, "0.005"),
        (1.0, "1"),
        (10000.0, "10000"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (-2.5e-9, "-0.0000000025"),
        (float("inf"), "+Inf"),
    ],
)
def test_bounds_have_no_exponent(bound: float, expected: str) -> None:
    assert expected == bound_text(bound)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_read_back_exactly(bound: float) -> None:
    assert bound == float(bound_text(bound))


def test_units_for_metadata() -> None:
    assert ["seconds", "bytes_per_second", "", ""] == [unit_word(u) for u in ("s", "By/s", "1", "{request}")]
