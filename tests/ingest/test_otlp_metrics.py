"""OTLP metrics as series of a store: every kind of point, both temporalities, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.samples import stored, stored_histograms

from bongsu.ingest.otlp_histograms import added, native_histogram
from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsIngest, OtlpMetricsWriter
from bongsu.model.errors import NotFound
from bongsu.model.histograms import Histogram
from bongsu.model.samples import MetricMetadata, is_stale
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreLimits, StoreOptions
from bongsu.storage.histograms import histogram_fault
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.otlp.values import (
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
    SummaryPoint,
    Temporality,
)

NOW_MS = 1_700_000_000_000
AT_NS = NOW_MS * 1_000_000
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "i1"})
JOB = 'instance="i1", job="shop"'


def batch(metric: Metric, resource: Resource = RESOURCE) -> MetricBatch:
    return MetricBatch((MetricGroup(resource, Scope("lib"), (metric,)),))


def metric(kind: MetricKind, *points: Point, name: str = "m", unit: str = "", **options: Any) -> Metric:
    temporality = options.get("temporality", Temporality.CUMULATIVE)
    return Metric(
        name, options.get("help", ""), unit, kind, temporality, options.get("monotonic", False), points
    )


def number(value: float, *, at_ms: int = NOW_MS, **options: Any) -> NumberPoint:
    return NumberPoint(options.pop("attributes", {}), 0, at_ms * 1_000_000, value, **options)


class Bench:
    def __init__(
        self, settings: OtlpIngestSettings | None = None, options: StoreOptions | None = None
    ) -> None:
        self.store = MemoryProjectStore(options)
        self.writer = OtlpMetricsWriter(self.store, settings or OtlpIngestSettings())

    def write(self, *metrics: Metric, resource: Resource = RESOURCE, now_ms: int = NOW_MS) -> Any:
        return self.writer.write(MetricBatch((MetricGroup(resource, Scope(), metrics),)), now_ms=now_ms)


def test_gauges_and_sums_get_job_instance_and_attributes() -> None:
    bench = Bench()
    attributes = {"http.route": "/a", "port": 80}
    written = bench.write(
        metric(MetricKind.GAUGE, number(0.5, attributes=attributes), name="load", unit="1"),
        metric(MetricKind.SUM, number(7), name="requests", monotonic=True),
        metric(MetricKind.SUM, number(3), name="pool.size"),
    )
    assert (3, 0) == (written.points, written.refused)
    assert {
        f'load_ratio{{http_route="/a", {JOB}, port="80"}}': {NOW_MS: 0.5},
        f"requests_total{{{JOB}}}": {NOW_MS: 7.0},
        f"pool_size{{{JOB}}}": {NOW_MS: 3.0},
    } == stored(bench.store)


def test_namespace_is_part_of_the_job_and_attributes_do_not_replace_it() -> None:
    bench = Bench()
    resource = Resource({"service.namespace": "eu", "service.name": "shop", "service.instance.id": 5})
    bench.write(
        metric(MetricKind.GAUGE, number(1, attributes={"job": "mine", "instance": "x"})), resource=resource
    )
    assert {'m{instance="5", job="eu/shop"}': {NOW_MS: 1.0}} == stored(bench.store)


def test_other_resource_attributes_are_in_target_info() -> None:
    bench = Bench()
    resource = Resource({**RESOURCE.attributes, "host.name": "web-1", "service.version": "2.0"})
    late = NOW_MS - 400_000
    bench.write(metric(MetricKind.GAUGE, number(1, at_ms=late), number(1)), resource=resource)
    info = stored(bench.store, __name__="target_info")
    expected = f'target_info{{host_name="web-1", {JOB}, service_version="2.0"}}'
    assert {expected: dict.fromkeys([late, late + 150_000, late + 300_000, NOW_MS], 1.0)} == info


@pytest.mark.parametrize("resource", [RESOURCE, Resource({"host.name": "web-1"})])
def test_there_is_no_target_info_without_identity_or_other_attributes(resource: Resource) -> None:
    bench = Bench()
    bench.write(metric(MetricKind.GAUGE, number(1)), resource=resource)
    assert {} == stored(bench.store, __name__="target_info")


def test_histograms_become_cumulative_buckets_sum_and_count() -> None:
    bench = Bench()
    point = HistogramPoint({}, 0, AT_NS, 6, 4.5, (0.1, 1.0), (1, 2, 3))
    bench.write(metric(MetricKind.HISTOGRAM, point, name="d", unit="s"))
    assert {
        f'd_seconds_bucket{{{JOB}, le="0.1"}}': {NOW_MS: 1.0},
        f'd_seconds_bucket{{{JOB}, le="1"}}': {NOW_MS: 3.0},
        f'd_seconds_bucket{{{JOB}, le="+Inf"}}': {NOW_MS: 6.0},
        f"d_seconds_sum{{{JOB}}}": {NOW_MS: 4.5},
        f"d_seconds_count{{{JOB}}}": {NOW_MS: 6.0},
    } == stored(bench.store)


def test_a_histogram_without_buckets_and_sum_has_its_count() -> None:
    bench = Bench()
    bench.write(metric(MetricKind.HISTOGRAM, HistogramPoint({}, 0, AT_NS, 6, None, (), ())))
    assert {f'm_bucket{{{JOB}, le="+Inf"}}', f"m_count{{{JOB}}}"} == set(stored(bench.store))


def test_summaries_become_quantiles_sum_and_count() -> None:
    bench = Bench()
    point = SummaryPoint({}, 0, AT_NS, 9, 2.5, ((0.5, 0.1), (1.0, 0.9)))
    bench.write(metric(MetricKind.SUMMARY, point, temporality=0))
    assert {
        f'm{{{JOB}, quantile="0.5"}}': {NOW_MS: 0.1},
        f'm{{{JOB}, quantile="1"}}': {NOW_MS: 0.9},
        f"m_sum{{{JOB}}}": {NOW_MS: 2.5},
        f"m_count{{{JOB}}}": {NOW_MS: 9.0},
    } == stored(bench.store)


def exponential(**options: Any) -> ExponentialPoint:
    base = ExponentialPoint({}, 0, AT_NS, 10, 12.5, 3, 1, 0.0, -2, (2, 0, 0, 0, 3), 5, (4,))
    return base._replace(**options)


def test_exponential_histograms_become_native_ones() -> None:
    bench = Bench()
    assert 0 == bench.write(metric(MetricKind.EXPONENTIAL, exponential())).refused
    expected = Histogram(
        schema=3,
        zero_threshold=1e-128,
        zero_count=1.0,
        count=10.0,
        sum=12.5,
        positive_spans=((-1, 1), (3, 1)),
        positive_buckets=(2.0, 3.0),
        negative_spans=((6, 1),),
        negative_buckets=(4.0,),
    )
    assert {f"m{{{JOB}}}": {NOW_MS: expected}} == stored(bench.store)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-4, 12),
    st.integers(-60, 60),
    st.lists(st.integers(0, 5), max_size=30),
    st.integers(-60, 60),
    st.lists(st.integers(0, 5), max_size=10),
)
def test_native_buckets_hold_the_observations_of_the_merged_ones(
    scale: int, offset: int, counts: list[int], negative_offset: int, negatives: list[int]
) -> None:
    point = exponential(
        scale=scale,
        observations=sum(counts) + sum(negatives),
        zero_count=0,
        positive_offset=offset,
        positive_counts=tuple(counts),
        negative_offset=negative_offset,
        negative_counts=tuple(negatives),
    )
    native = native_histogram(point)
    assert isinstance(native, Histogram)
    assert histogram_fault(native) is None
    expected: dict[int, int] = {}
    for position, count in enumerate(counts):
        # The bucket that holds the (geometric) middle of the original one, by its logarithm: at scale -4 the middle itself may be beyond a double.
        middle_log2 = (offset + position + 0.5) * 2.0**-scale
        index = math.ceil(middle_log2 * 2.0**native.schema)
        expected[index] = expected.get(index, 0) + count
    found: dict[int, float] = {}
    index, buckets = 0, iter(native.positive_buckets)
    for gap, length in native.positive_spans:
        index += gap
        for _ in range(length):
            found[index] = next(buckets)
            index += 1
    assert {i: c for i, c in expected.items() if c} == {i: c for i, c in found.items() if c}


def test_a_scale_without_native_counterpart_is_refused_with_its_reason() -> None:
    bench = Bench()
    written = bench.write(metric(MetricKind.EXPONENTIAL, exponential(scale=-5), exponential()))
    assert (1, 1) == (written.points, written.refused)
    assert "scale -5 is below -4" in written.reasons[0]


@pytest.mark.parametrize(
    "item",
    [
        metric(MetricKind.GAUGE, number(0.0, absent=True)),
        metric(MetricKind.HISTOGRAM, HistogramPoint({}, 0, AT_NS, 0, 0.0, (1.0,), (0, 0), absent=True)),
        metric(MetricKind.SUMMARY, SummaryPoint({}, 0, AT_NS, 0, 0.0, ((0.5, 0.0),), absent=True)),
        metric(MetricKind.EXPONENTIAL, exponential(absent=True)),
    ],
)
def test_a_point_without_value_is_a_stale_marker(item: Metric) -> None:
    bench = Bench()
    assert 0 == bench.write(item).refused
    for samples in stored(bench.store).values():
        value = samples[NOW_MS]
        assert is_stale(np.array([value.sum if isinstance(value, Histogram) else value])).all()


def delta(value: float, at_ms: int, kind: MetricKind = MetricKind.SUM, **options: Any) -> Metric:
    point = number(value, at_ms=at_ms, attributes=options.pop("attributes", {}))
    return metric(kind, point, temporality=Temporality.DELTA, monotonic=True, **options)


def test_delta_sums_are_added_up_and_a_retry_changes_nothing() -> None:
    bench = Bench()
    first, second = delta(3, NOW_MS), delta(4, NOW_MS + 5_000)
    for item in (first, second, second):
        assert 0 == bench.write(item).refused
    bench.write(delta(100, NOW_MS, attributes={"other": "stream"}))
    assert {NOW_MS: 3.0, NOW_MS + 5_000: 7.0} == stored(bench.store)[f"m_total{{{JOB}}}"]


def test_delta_points_out_of_order_are_refused() -> None:
    bench = Bench()
    bench.write(delta(3, NOW_MS))
    written = bench.write(delta(3, NOW_MS - 5_000))
    assert (0, 1) == (written.points, written.refused)
    assert "in order of time" in written.reasons[0]


def test_delta_histograms_are_added_up_per_bucket() -> None:
    bench = Bench()
    for at_ns, counts in ((AT_NS, (1, 2)), (AT_NS + 5_000_000_000, (3, 4))):
        point = HistogramPoint({}, 0, at_ns, sum(counts), 1.5, (1.0,), counts)
        bench.write(metric(MetricKind.HISTOGRAM, point, temporality=Temporality.DELTA))
    found = stored(bench.store)
    assert [1.0, 4.0] == list(found[f'm_bucket{{{JOB}, le="1"}}'].values())
    assert [3.0, 10.0] == list(found[f"m_count{{{JOB}}}"].values())
    assert [1.5, 3.0] == list(found[f"m_sum{{{JOB}}}"].values())


def delta_exponential(*, after_s: int = 0, **options: Any) -> Metric:
    point = exponential(time_ns=AT_NS + after_s * 1_000_000_000, negative_counts=(), zero_count=1, **options)
    point = point._replace(observations=1 + sum(point.positive_counts))
    return metric(MetricKind.EXPONENTIAL, point, temporality=Temporality.DELTA)


def test_delta_exponential_histograms_are_added_up_at_the_coarser_scale() -> None:
    bench = Bench()
    bench.write(delta_exponential(scale=3, positive_offset=2, positive_counts=(1, 2)))
    bench.write(delta_exponential(after_s=5, scale=2, positive_offset=1, positive_counts=(5,)))
    (samples,) = stored_histograms(bench.store).values()
    total = samples[NOW_MS + 5_000]
    assert (10.0, 25.0, 2.0, 2) == (total.count, total.sum, total.zero_count, total.schema)
    # Buckets 2 and 3 of scale 3 are bucket 1 of scale 2; natively it is number 2.
    assert (((2, 1),), (8.0,)) == (total.positive_spans, total.positive_buckets)


def test_delta_exponential_histograms_that_no_scale_can_hold_begin_anew() -> None:
    bench = Bench()
    bench.write(delta_exponential(scale=0, positive_offset=2**30, positive_counts=(1,)))
    bench.write(delta_exponential(after_s=5, scale=0, positive_offset=0, positive_counts=(1,)))
    (samples,) = stored_histograms(bench.store).values()
    assert [2.0, 2.0] == [sample.count for sample in samples.values()]


@given(
    st.lists(st.integers(0, 9), max_size=30),
    st.lists(st.integers(0, 9), max_size=30),
    st.integers(-1000, 1000),
    st.integers(-1000, 1000),
    st.integers(-4, 8),
    st.integers(-4, 8),
)
def test_sums_of_exponential_histograms_keep_all_observations(
    left: list[int], right: list[int], offset: int, other_offset: int, scale: int, other_scale: int
) -> None:
    one = exponential(positive_offset=offset, positive_counts=tuple(left), scale=scale)
    two = exponential(positive_offset=other_offset, positive_counts=tuple(right), scale=other_scale)
    total = added(one, two)
    if total is not None:
        assert sum(left) + sum(right) == sum(total.positive_counts)
        assert len(total.positive_counts) <= 320
        assert total.scale <= min(scale, other_scale)


def test_delta_streams_beyond_the_limit_are_refused() -> None:
    bench = Bench(OtlpIngestSettings(max_delta_streams=1))
    bench.write(delta(1, NOW_MS))
    written = bench.write(delta(1, NOW_MS, attributes={"a": "b"}))
    assert "'otlp.max_delta_streams'" in written.reasons[0]
    later = NOW_MS + 3_700_000
    assert 0 == bench.write(delta(1, later, attributes={"a": "b"}), now_ms=later).refused


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (metric(MetricKind.GAUGE, number(1), name="봉수"), "no letter or digit"),
        (metric(MetricKind.SUM, number(1), temporality=0), "no temporality"),
        (metric(MetricKind.GAUGE, number(1, at_ms=0)), "no time"),
        (metric(MetricKind.GAUGE, number(1, at_ms=NOW_MS + 700_000)), "700 s ahead"),
    ],
)
def test_what_cannot_be_taken_is_counted_with_its_reason(item: Metric, reason: str) -> None:
    bench = Bench()
    written = bench.write(item, metric(MetricKind.GAUGE, number(2), name="good"))
    assert (1, 1) == (written.points, written.refused)
    assert reason in written.reasons[0]
    assert [f"good{{{JOB}}}"] == list(stored(bench.store))


def test_a_contradicting_repeat_is_refused_and_an_equal_one_is_not() -> None:
    bench = Bench()
    bench.write(metric(MetricKind.GAUGE, number(1)))
    assert 0 == bench.write(metric(MetricKind.GAUGE, number(1))).refused
    written = bench.write(metric(MetricKind.GAUGE, number(2)))
    assert (0, 1) == (written.points, written.refused)
    assert "duplicate" in written.reasons[0]


def test_a_histogram_over_the_series_limit_counts_as_one_refused_point() -> None:
    bench = Bench(options=StoreOptions(retention_ms=0, limits=StoreLimits(max_series=2)))
    point = HistogramPoint({}, 0, AT_NS, 6, 4.5, (0.1, 1.0), (1, 2, 3))
    written = bench.write(metric(MetricKind.HISTOGRAM, point))
    assert (0, 1) == (written.points, written.refused)
    assert "'max_series'" in written.reasons[0]


def test_metadata_and_exemplars_are_kept() -> None:
    bench = Bench()
    exemplar = PointExemplar(AT_NS, 0.5, b"t" * 16, b"s" * 8, {"user": "ann", "long": "x" * 200})
    point = HistogramPoint({}, 0, AT_NS, 1, 0.5, (0.1, 1.0), (0, 1, 0), False, (exemplar,))
    bench.write(metric(MetricKind.HISTOGRAM, point, name="d", unit="s", help="How long."))
    assert (MetricMetadata("d_seconds", "histogram", "How long.", "seconds"),) == bench.store.metadata()[
        "d_seconds"
    ]
    found = bench.store.exemplars([[]], 0, 2**62)
    assert ["1"] == [labels["le"] for labels in found.labels.maps()]
    assert {"trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex()} == dict(found.exemplars[0][0].labels)


def test_projects_are_kept_apart() -> None:
    stores = {"one": MemoryProjectStore(), "two": MemoryProjectStore()}

    def store_of(project_id: str) -> MemoryProjectStore:
        if project_id not in stores:
            raise NotFound("gone")
        return stores[project_id]

    ingest = OtlpMetricsIngest(OtlpIngestSettings(), store_of=store_of, clock=ManualClock(NOW_MS))
    ingest.write("one", batch(delta(3, NOW_MS)))
    ingest.write("two", batch(delta(5, NOW_MS)))
    assert {f"m_total{{{JOB}}}": {NOW_MS: 3.0}} == stored(stores["one"])
    assert {f"m_total{{{JOB}}}": {NOW_MS: 5.0}} == stored(stores["two"])
    with pytest.raises(NotFound):
        ingest.write("three", batch(delta(5, NOW_MS)))


def test_values_that_are_equal_in_python_are_different_labels() -> None:
    bench = Bench()
    for value in (1, True, "1", 1.0, "true", (1,), (True,)):
        bench.write(metric(MetricKind.GAUGE, number(7, attributes={"a": value})))
    assert {"1", "true", "[1]", "[true]"} == set(bench.store.label_values("a", [[]], 0, 2**62))


def test_one_point_of_long_ago_makes_no_flood_of_target_info() -> None:
    bench = Bench()
    resource = Resource({**RESOURCE.attributes, "host.name": "web-1"})
    bench.write(metric(MetricKind.GAUGE, number(1, at_ms=1_000), number(1)), resource=resource)
    [samples] = stored(bench.store, __name__="target_info").values()
    assert 101 == len(samples)


def test_a_histogram_whose_layout_changes_has_other_series() -> None:
    bench = Bench()
    for bounds, sums in (((1.0,), 1.0), ((2.0,), 1.0), ((2.0,), None)):
        counts = (1,) * (len(bounds) + 1)
        at_ns = AT_NS + len(stored(bench.store)) * 1_000_000
        bench.write(metric(MetricKind.HISTOGRAM, HistogramPoint({}, 0, at_ns, 2, sums, bounds, counts)))
    found = stored(bench.store)
    assert [1, 2, 3, 2, 3] == [
        len(found[f"m_{name}"])
        for name in (
            f'bucket{{{JOB}, le="1"}}',
            f'bucket{{{JOB}, le="2"}}',
            f'bucket{{{JOB}, le="+Inf"}}',
            f"sum{{{JOB}}}",
            f"count{{{JOB}}}",
        )
    ]
