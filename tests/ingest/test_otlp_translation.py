"""Promotion of attributes, the ways to write names, and histograms with custom bounds: Prometheus' ``otlp`` options."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.samples import stored, stored_histograms

from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsWriter
from bongsu.ingest.otlp_names import NameStyle, label_name, metric_name
from bongsu.ingest.otlp_translation import Strategy, Translation
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import Exemplar
from bongsu.storage.histograms import histogram_fault
from bongsu.storage.memory import MemoryProjectStore
from bongsu.storage.raw import read_chunk
from bongsu.wire.otlp.values import (
    Attributes,
    HistogramPoint,
    Metric,
    MetricBatch,
    MetricGroup,
    MetricKind,
    NumberPoint,
    PointExemplar,
    Resource,
    Scope,
    Temporality,
)

NOW_MS = 1_700_000_000_000
NOW_NS = NOW_MS * 1_000_000
RESOURCE = Resource(
    {"service.name": "shop", "service.instance.id": "i1", "host.name": "web-1", "os": "linux"}
)
SCOPE = Scope("my.lib", "1.2", {"team": "a"}, "https://schema.example/1")


def written(
    translation: Translation, attributes: Attributes | None = None, *, name: str = "m", unit: str = ""
) -> set[str]:
    """Return the series that one gauge becomes."""
    point = NumberPoint(attributes or {}, 0, NOW_NS, 1.0)
    metric = Metric(name, "", unit, MetricKind.GAUGE, 0, False, (point,))
    return set(stored(write(translation, metric)))


def write(translation: Translation, metric: Metric) -> MemoryProjectStore:
    store = MemoryProjectStore()
    writer = OtlpMetricsWriter(store, OtlpIngestSettings(translation=translation))
    assert 0 == writer.write(MetricBatch((MetricGroup(RESOURCE, SCOPE, (metric,)),)), now_ms=NOW_MS).refused
    return store


INFO = 'target_info{host_name="web-1", instance="i1", job="shop", os="linux"}'


def test_chosen_attributes_of_the_resource_are_labels_of_all_series() -> None:
    found = written(Translation(promote_resource_attributes=frozenset({"host.name", "absent"})))
    assert {'m{host_name="web-1", instance="i1", job="shop"}', INFO} == found


def test_an_attribute_of_the_point_wins_over_a_promoted_one() -> None:
    found = written(Translation(promote_resource_attributes=frozenset({"os"})), {"os": "mine", "job": "x"})
    assert 'm{instance="i1", job="shop", os="mine"}' in found


def test_all_attributes_are_promoted_but_the_ignored_ones() -> None:
    found = written(
        Translation(promote_all_resource_attributes=True, ignore_resource_attributes=frozenset({"os"}))
    )
    labels = 'host_name="web-1", instance="i1", job="shop", service_instance_id="i1", service_name="shop"'
    assert {f"m{{{labels}}}", INFO} == found


def test_target_info_keeps_the_identity_where_that_is_wanted() -> None:
    labels = 'instance="i1", job="shop", os="linux", service_instance_id="i1", service_name="shop"'
    found = written(Translation(keep_identifying_resource_attributes=True))
    assert f'target_info{{host_name="web-1", {labels}}}' in found


def test_the_scope_is_promoted_with_its_attributes() -> None:
    scope = (
        'otel_scope_name="my.lib", otel_scope_schema_url="https://schema.example/1", otel_scope_team="a", '
        'otel_scope_version="1.2"'
    )
    found = written(Translation(promote_scope_metadata=True))
    assert {f'm{{instance="i1", job="shop", {scope}}}', INFO} == found


@pytest.mark.parametrize(
    ("strategy", "series"),
    [
        (Strategy.ESCAPED_WITH_SUFFIXES, 'disk_io_seconds{a_b="c"'),
        (Strategy.ESCAPED, 'disk_io{a_b="c"'),
        (Strategy.UTF8_WITH_SUFFIXES, '{"disk.io_seconds", "a.b"="c"'),
        (Strategy.NONE, '{"disk.io", "a.b"="c"'),
    ],
)
def test_names_are_written_as_the_strategy_says(strategy: Strategy, series: str) -> None:
    found = written(Translation(strategy=strategy), {"a.b": "c"}, name="disk.io", unit="s")
    assert f'{series}, instance="i1", job="shop"}}' in found


@pytest.mark.parametrize(
    ("name", "unit", "kind", "monotonic", "expected"),
    [
        ("a.total", "", MetricKind.SUM, True, "a_total"),
        ("net.io", "By/s", MetricKind.GAUGE, False, "net.io_bytes_per_second"),
        ("cpu.ratio", "1", MetricKind.GAUGE, False, "cpu_ratio"),
        ("cpu.time", "s", MetricKind.SUM, True, "cpu.time_seconds_total"),
        ("봉수", "{fire}", MetricKind.SUM, True, "봉수_total"),
        ("total", "", MetricKind.SUM, True, "total_total"),
    ],
)
def test_suffixes_of_names_that_keep_their_signs(
    name: str, unit: str, kind: MetricKind, monotonic: bool, expected: str
) -> None:
    assert expected == metric_name(name, unit, kind, monotonic=monotonic, style=NameStyle(escaped=False))


@given(st.text(min_size=1, max_size=20), st.text(max_size=6), st.sampled_from(MetricKind), st.booleans())
def test_without_translation_every_name_stays(
    name: str, unit: str, kind: MetricKind, monotonic: bool
) -> None:
    style = Translation(strategy=Strategy.NONE).style
    assert name == metric_name(name, unit, kind, monotonic=monotonic, style=style)
    assert name == label_name(name, style)


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        ({"label_name_underscore_sanitization": False}, "_a", "_a"),
        ({}, "_a", "key_a"),
        ({"label_name_preserve_multiple_underscores": False}, "a..b", "a_b"),
        ({}, "a..b", "a__b"),
    ],
)
def test_underscores_of_labels(options: dict[str, Any], key: str, expected: str) -> None:
    assert expected == label_name(key, Translation(**options).style)


def histogram(**options: Any) -> Metric:
    point = HistogramPoint({}, 0, NOW_NS, 6, 4.5, (0.1, 1.0), (1, 2, 3))._replace(**options)
    return Metric("d", "", "s", MetricKind.HISTOGRAM, Temporality.CUMULATIVE, False, (point,))


def native(**options: Any) -> Histogram:
    store = write(Translation(convert_histograms_to_nhcb=True), histogram(**options))
    found = stored_histograms(store)
    assert ['d_seconds{instance="i1", job="shop"}'] == list(found)
    (sample,) = next(iter(found.values())).values()
    return sample


def test_histograms_become_native_ones_with_their_bounds() -> None:
    expected = Histogram(
        CUSTOM_BUCKETS_SCHEMA,
        zero_threshold=0.0,
        zero_count=0.0,
        count=6.0,
        sum=4.5,
        positive_spans=((0, 3),),
        positive_buckets=(1.0, 2.0, 3.0),
        custom_values=(0.1, 1.0),
    )
    assert expected == native()


@pytest.mark.parametrize(
    ("options", "bounds", "buckets"),
    [
        ({"bounds": (), "counts": ()}, (), (6.0,)),
        ({"bounds": (1.0, math.inf), "counts": (1, 2, 3)}, (1.0,), (1.0, 5.0)),
    ],
)
def test_bounds_at_infinity_and_none_at_all(
    options: dict[str, Any], bounds: tuple[float, ...], buckets: tuple[float, ...]
) -> None:
    made = native(**options)
    assert (bounds, buckets) == (made.custom_values, made.positive_buckets)
    assert histogram_fault(made) is None


def test_exemplars_belong_to_the_native_series() -> None:
    exemplar = PointExemplar(NOW_NS, 0.5, b"", b"\x01", {})
    store = write(Translation(convert_histograms_to_nhcb=True), histogram(exemplars=(exemplar,)))
    everything = [Matcher("__name__", MatchOp.NOT_EQUAL, "")]
    found = store.exemplars([everything], 0, NOW_MS + 1)
    assert [Exemplar((("span_id", "01"),), 0.5, NOW_MS)] == [
        exemplar for row in found.exemplars for exemplar in row
    ]


@pytest.mark.parametrize(("wanted", "start"), [(True, NOW_MS - 60_000), (False, 0)])
def test_start_times_are_stored_when_wanted(wanted: bool, start: int) -> None:
    store = MemoryProjectStore()
    writer = OtlpMetricsWriter(store, OtlpIngestSettings(start_timestamps=wanted))
    point = NumberPoint({}, NOW_NS - 60_000_000_000, NOW_NS, 1.0)
    metric = Metric("m", "", "", MetricKind.SUM, Temporality.CUMULATIVE, True, (point,))
    writer.write(MetricBatch((MetricGroup(RESOURCE, SCOPE, (metric,)),)), now_ms=NOW_MS)
    with store.select([Matcher("__name__", MatchOp.EQUAL, "m_total")], 0, NOW_MS + 1) as selection:
        samples = list(read_chunk(selection.chunks(0, 1), 0))
    assert [start] == [sample.start for sample in samples]


@pytest.mark.parametrize(
    ("kind", "monotonic", "unit", "series"),
    [
        (MetricKind.SUM, True, "By", 'm_bytes_total{__type__="counter", __unit__="bytes", '),
        (MetricKind.SUM, False, "", 'm{__type__="gauge", '),
        (MetricKind.GAUGE, False, "ms", 'm_milliseconds{__type__="gauge", __unit__="milliseconds", '),
    ],
)
def test_series_are_described_by_labels_of_type_and_unit(
    kind: MetricKind, monotonic: bool, unit: str, series: str
) -> None:
    point = NumberPoint({}, 0, NOW_NS, 1.0)
    metric = Metric("m", "", unit, kind, Temporality.CUMULATIVE, monotonic, (point,))

    found = set(stored(write(Translation(describes=True), metric)))

    assert {series + 'instance="i1", job="shop"}', INFO} == found
