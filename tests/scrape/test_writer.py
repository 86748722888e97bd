from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from tests.support.exporter import TEXT_TYPE
from tests.support.forgetful_store import ForgetfulStore
from tests.support.metric_families import (
    CONTENT_TYPE,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    family,
    metric,
    native,
    plain,
)
from tests.support.stored import STALE, histograms_of, samples_of

from bongsu.model.histograms import Histogram
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM, Exemplar, MetricMetadata
from bongsu.scrape.fetch import FetchedBody
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.options import read_options
from bongsu.scrape.outcomes import Failure, Health, ScrapeFailed
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget
from bongsu.scrape.writer import TargetWriter
from bongsu.storage.contract import FLAG_STARTS, StoreLimits, StoreOptions
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from bongsu.scrape.outcomes import ScrapeOutcome

T = 1_700_000_000_000
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Scene:
    """A writer on a store of its own."""

    def __init__(
        self,
        *,
        labels: dict[str, str] | None = None,
        limits: ScrapeLimits | None = None,
        options: StoreOptions | None = None,
        scrape: dict[str, Any] | None = None,
    ) -> None:
        self.store = MemoryProjectStore(options)
        self.registry = CollectorRegistry()
        self.target = ScrapeTarget(
            "t1",
            "http://h/metrics",
            tuple((labels or {"job": "j"}).items()),
            self.store,
            limits=limits or ScrapeLimits(),
            options=read_options(scrape or {}),
        )
        self.writer = TargetWriter(self.target, ScrapeMetrics(self.registry))

    def scrape(self, body: bytes, time_ms: int = T, content_type: str | None = TEXT_TYPE) -> ScrapeOutcome:
        return self.writer.write(FetchedBody(body, content_type, 200), time_ms=time_ms, elapsed=lambda: 0.25)

    def fail(self, time_ms: int) -> ScrapeOutcome:
        return self.writer.write(
            ScrapeFailed("connection refused", Failure.CONNECT), time_ms=time_ms, elapsed=lambda: 0.5
        )

    def samples(self, name: str = "[^us].*") -> dict[str, list[tuple[int, float | str]]]:
        return samples_of(self.store, name)

    def reports(self) -> dict[str, list[float | str]]:
        found = samples_of(self.store, "up|scrape_.*")
        return {series.partition("{")[0]: [value for _, value in rows] for series, rows in found.items()}

    def counted(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_a_scrape_writes_its_samples_and_its_report() -> None:
    scene = Scene(labels={"job": "j", "instance": "h:1"})
    outcome = scene.scrape(b'# TYPE a counter\n# HELP a Help.\na{x="1"} 5\nb 2\n')
    assert {
        'a{instance="h:1", job="j", x="1"}': [(T, 5.0)],
        'b{instance="h:1", job="j"}': [(T, 2.0)],
    } == scene.samples()
    assert {
        "up": [1.0],
        "scrape_duration_seconds": [0.25],
        "scrape_samples_scraped": [2.0],
        "scrape_samples_post_metric_relabeling": [2.0],
        "scrape_series_added": [2.0],
    } == scene.reports()
    assert (MetricMetadata("a", "counter", "Help."),) == scene.store.metadata()["a"]
    assert (Health.UP, "", 2, 0, 200) == (
        outcome.health,
        outcome.error,
        outcome.samples,
        outcome.dropped,
        outcome.http_status,
    )


def test_an_unchanged_layout_is_read_by_its_values_alone() -> None:
    scene = Scene()
    for i in range(3):
        scene.scrape(b'a{x="1"} %d\nb NaN\n' % i, T + i)
    assert [(T, 0.0), (T + 1, 1.0), (T + 2, 2.0)] == scene.samples()['a{job="j", x="1"}']
    assert 2 == scene.counted("bongsu_scrape_layout_hits_total")
    assert [2.0, 0.0, 0.0] == scene.reports()["scrape_series_added"]


def test_series_that_vanish_are_marked_and_may_come_back() -> None:
    scene = Scene()
    scene.scrape(b"a 1\nb 1\n", T)
    scene.scrape(b"a 2\n", T + 1)
    scene.scrape(b"b 3\na 3\n", T + 2)
    assert {
        'a{job="j"}': [(T, 1.0), (T + 1, 2.0), (T + 2, 3.0)],
        'b{job="j"}': [(T, 1.0), (T + 1, STALE), (T + 2, 3.0)],
    } == scene.samples()
    assert [2.0, 0.0, 1.0] == scene.reports()["scrape_series_added"]


def test_a_failed_scrape_marks_everything_once_and_reports_down() -> None:
    scene = Scene()
    scene.scrape(b"a 1\n", T)
    outcome = scene.fail(T + 1)
    scene.fail(T + 2)
    scene.scrape(b"a 4\n", T + 3)
    assert {'a{job="j"}': [(T, 1.0), (T + 1, STALE), (T + 3, 4.0)]} == scene.samples()
    assert [1.0, 0.0, 0.0, 1.0] == scene.reports()["up"]
    assert [1.0, 0.0, 0.0, 0.0] == scene.reports()["scrape_series_added"]
    assert (Health.DOWN, "connection refused", 0.5) == (outcome.health, outcome.error, outcome.duration_s)
    assert 2 == scene.counted("bongsu_scrape_failures_total", reason="connect")


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"a 2\nb x\n", TEXT_TYPE, "line 2: expected a value such as 1.5, 2e+06, NaN or +Inf, got 'x'"),
        (b"a 2\n", OPENMETRICS_TYPE, "line 2: expected '# EOF' at the end: the body is cut off"),
        (
            b"<html>",
            "text/html",
            "unsupported Content-Type 'text/html'; expected text/plain (version 0.0.4 or 1.0.0) or application/openmetrics-text (version 0.0.1 or 1.0.0), or delimited io.prometheus.client.MetricFamily messages",
        ),
        (
            b"a 2\nb 2\nc 2\n",
            TEXT_TYPE,
            "the body has 3 samples, 2 are allowed; expose fewer, or raise the workspace's option 'sample_limit' or the setting 'scrape.max_samples'",
        ),
    ],
)
def test_a_bad_body_is_refused_as_a_whole(body: bytes, content_type: str, error: str) -> None:
    scene = Scene(limits=ScrapeLimits(max_samples=2))
    scene.scrape(b"a 1\n", T)
    outcome = scene.scrape(body, T + 1, content_type)
    assert (Health.DOWN, error) == (outcome.health, outcome.error)
    assert {'a{job="j"}': [(T, 1.0), (T + 1, STALE)]} == scene.samples()
    assert [1.0, 0.0] == scene.reports()["up"]


def test_target_labels_win_and_clashing_ones_are_kept_as_exported() -> None:
    scene = Scene(labels={"job": "j", "exported_x": "t", "x": "t"})
    scene.scrape(b'a{job="k",x="1"} 1\nb{job=""} 2\n')
    assert {
        'a{exported_exported_x="1", exported_job="k", exported_x="t", job="j", x="t"}': [(T, 1.0)],
        'b{exported_x="t", job="j", x="t"}': [(T, 2.0)],
    } == scene.samples()


def test_own_timestamps_are_kept_and_such_series_get_no_mark() -> None:
    scene = Scene()
    scene.scrape(b"a 1 %d\n" % (T - 5_000), T)
    scene.scrape(b"a 2 %d\n" % (T - 4_000), T + 1)
    scene.scrape(b"", T + 2)
    assert {'a{job="j"}': [(T - 5_000, 1.0), (T - 4_000, 2.0)]} == scene.samples()


def test_samples_far_in_the_future_are_refused_and_the_rest_is_kept() -> None:
    scene = Scene()
    outcome = scene.scrape(b"a 1 %d\nb 2 %d\n" % (T + 600_001, T + 600_000))
    assert {'b{job="j"}': [(T + 600_000, 2.0)]} == scene.samples()
    assert (1, "a sample's own time is more than 10 minutes ahead; check the target's clock") == (
        outcome.dropped,
        outcome.warning,
    )
    assert 1 == scene.counted("bongsu_scrape_samples_dropped_total", reason="too-far-in-future")


def test_a_series_given_twice_keeps_its_first_value() -> None:
    scene = Scene()
    for i in range(2):
        outcome = scene.scrape(b'a{x="1",y="2"} 1\na{y="2",x="1"} 2\na{y="2",x="1"} 3 %d\n' % (T - 7), T + i)
        assert 1 == outcome.dropped
    assert {'a{job="j", x="1", y="2"}': [(T - 7, 3.0), (T, 1.0), (T + 1, 1.0)]} == scene.samples()
    assert 2 == scene.counted("bongsu_scrape_samples_dropped_total", reason="duplicate-in-body")


def test_a_body_cannot_fake_its_report() -> None:
    scene = Scene()
    outcome = scene.scrape(b"up 7\n")
    assert [1.0] == scene.reports()["up"]
    assert 1 == outcome.dropped


def test_bucket_bounds_are_written_as_openmetrics_does() -> None:
    scene = Scene()
    scene.scrape(
        b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2.50"} 2\nh_bucket{le="1e6"} 2\nh_bucket{le="0.00001"} 0\nh_bucket{le="+inf"} 3\n'
        b'# TYPE s summary\ns{quantile="0"} 1\n# TYPE g gauge\ng{le="1"} 1\n'
    )
    assert {
        'h_bucket{job="j", le="1.0"}',
        'h_bucket{job="j", le="2.5"}',
        'h_bucket{job="j", le="1e+06"}',
        'h_bucket{job="j", le="1e-05"}',
        'h_bucket{job="j", le="+Inf"}',
        's{job="j", quantile="0.0"}',
        'g{job="j", le="1"}',
    } == scene.samples(".*").keys() - {
        name for name in scene.samples(".*") if name.startswith(("up", "scrape"))
    }


def test_exemplars_are_kept_unless_their_labels_are_too_long() -> None:
    scene = Scene()
    scene.scrape(
        b'a_total 1 # {id="x"} 0.5\nb_total 1 # {id="y"} 0.5 1.5\nc_total 1 # {id="%s"} 1\n# EOF\n'
        % (b"z" * 127),
        content_type=OPENMETRICS_TYPE,
    )
    rows = scene.store.exemplars([], 0, 2 * T)
    assert [[Exemplar((("id", "x"),), 0.5, T)], [Exemplar((("id", "y"),), 0.5, 1_500)]] == [
        list(row) for row in rows.exemplars
    ]
    assert 1 == scene.counted("bongsu_scrape_samples_dropped_total", reason="exemplar")


def test_series_over_the_projects_limit_are_dropped_and_offered_again_later() -> None:
    scene = Scene(options=StoreOptions(retention_ms=0, limits=StoreLimits(max_series=6)))
    scene.fail(T - 1)
    outcome = scene.scrape(b"a 1\nb 2\n", T)
    assert (Health.UP, 1) == (outcome.health, outcome.dropped)
    assert "raise the project's limit 'max_series'" in outcome.warning
    scene.store.options = StoreOptions(retention_ms=0)
    assert 1 == scene.scrape(b"a 1\nb 2\n", T + 59_999).dropped
    assert 0 == scene.scrape(b"a 1\nb 2\n", T + 60_000).dropped
    assert [(T + 60_000, 2.0)] == scene.samples()['b{job="j"}']


def test_series_that_left_the_store_are_made_again() -> None:
    scene = Scene()
    store = scene.store = ForgetfulStore()
    scene.writer = TargetWriter(
        ScrapeTarget("t1", "u", (("job", "j"),), scene.store), ScrapeMetrics(CollectorRegistry())
    )
    scene.scrape(b"a 1\n", T)
    store.shift = 1_000
    outcome = scene.scrape(b"a 2\n", T + 1)
    scene.scrape(b"a 3\n", T + 2)
    assert (Health.UP, 0) == (outcome.health, outcome.dropped)
    assert [(T, 1.0), (T + 1, 2.0), (T + 2, 3.0)] == scene.samples()['a{job="j"}']
    assert [1.0, 1.0, 1.0] == scene.reports()["up"]


def test_the_end_of_a_target_marks_its_series_and_its_report() -> None:
    scene = Scene()
    scene.scrape(b"a 1\n", T)
    scene.writer.write_end(T + 15_000)
    assert [(T, 1.0), (T + 15_000, STALE)] == scene.samples()['a{job="j"}']
    assert [1.0, STALE] == scene.reports()["up"]
    assert [0.25, STALE] == scene.reports()["scrape_duration_seconds"]


def test_native_histograms_are_stored_and_marked_when_they_go() -> None:
    scene = Scene(scrape={"scrape_native_histograms": True})
    histogram = Histogram(3, 0.001, 1.0, 3.0, 2.5, ((0, 1),), (2.0,))
    for i, name in enumerate(("h", "h", "other")):
        body = family(name, HISTOGRAM, metric(HISTOGRAM, native(histogram), {"x": "1"}), help_text="Help.")
        body += family("c", COUNTER, metric(COUNTER, plain(float(i), created_ms=T - 5)))
        outcome = scene.scrape(body, T + i, CONTENT_TYPE)
        assert (Health.UP, 2, 0, "") == (outcome.health, outcome.samples, outcome.dropped, outcome.error)
    assert {'c{job="j"}': [(T, 0.0), (T + 1, 1.0), (T + 2, 2.0)]} == scene.samples("c")
    with scene.store.select([Matcher("__name__", MatchOp.EQUAL, "h")], 0, 2 * T) as selection:
        assert [{"__name__": "h", "job": "j", "x": "1"}] == selection.labels.maps()
        assert [3] == selection.sample_counts.tolist()
        assert [KIND_HISTOGRAM, KIND_FLOAT] == selection.chunks(0, 1).kind.tolist()
    with scene.store.select([Matcher("__name__", MatchOp.EQUAL, "c")], 0, 2 * T) as selection:
        assert [FLAG_STARTS] == selection.chunks(0, 1).flags.tolist()
    assert [2.0, 0.0, 1.0] == scene.reports()["scrape_series_added"]


def test_a_broken_native_histogram_is_dropped_and_the_rest_is_kept() -> None:
    scene = Scene(scrape={"scrape_native_histograms": True})
    broken = Histogram(3, 0.001, 1.0, 99.0, 2.5, ((0, 1),), (2.0,))
    body = family("h", HISTOGRAM, metric(HISTOGRAM, native(broken))) + family(
        "g", GAUGE, metric(GAUGE, plain(1.0))
    )
    outcome = scene.scrape(body, T, CONTENT_TYPE)
    assert (Health.UP, 1) == (outcome.health, outcome.dropped)
    assert {'g{job="j"}': [(T, 1.0)]} == scene.samples("g")
    assert 1 == scene.counted("bongsu_scrape_samples_dropped_total", reason="invalid-histogram")


DROP_B: dict[str, Any] = {
    "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "b.*", "action": "drop"}]
}


def test_metric_relabelling_drops_and_rewrites_series_and_keeps_the_fast_way() -> None:
    rules = [*DROP_B["metric_relabel_configs"], {"regex": "x", "action": "labeldrop"}]
    scene = Scene(scrape={"metric_relabel_configs": rules})
    for i in range(3):
        outcome = scene.scrape(b'a{x="1",y="2"} %d\nb1 1\nb2 2\n' % i, T + i)
        assert (Health.UP, 3, 0) == (outcome.health, outcome.samples, outcome.dropped)
    assert {'a{job="j", y="2"}': [(T, 0.0), (T + 1, 1.0), (T + 2, 2.0)]} == scene.samples()
    assert 2 == scene.counted("bongsu_scrape_layout_hits_total")
    reports = scene.reports()
    assert [3.0] * 3 == reports["scrape_samples_scraped"]
    assert [1.0] * 3 == reports["scrape_samples_post_metric_relabeling"]
    assert [1.0, 0.0, 0.0] == reports["scrape_series_added"]


def test_lines_that_relabelling_makes_one_series_count_as_given_twice() -> None:
    scene = Scene(scrape={"metric_relabel_configs": [{"regex": "x", "action": "labeldrop"}]})
    outcome = scene.scrape(b'a{x="1"} 1\na{x="2"} 2\n')
    assert (Health.UP, 1) == (outcome.health, outcome.dropped)
    assert {'a{job="j"}': [(T, 1.0)]} == scene.samples()


def test_rules_that_change_between_two_scrapes_mark_what_they_take_away() -> None:
    scene = Scene()
    scene.scrape(b"a 1\nb 1\n", T)
    scene.writer.update(replace(scene.target, options=read_options(DROP_B)))
    scene.scrape(b"a 2\nb 2\n", T + 1)
    scene.writer.update(scene.target)
    scene.scrape(b"a 3\nb 3\n", T + 2)
    assert {
        'a{job="j"}': [(T, 1.0), (T + 1, 2.0), (T + 2, 3.0)],
        'b{job="j"}': [(T, 1.0), (T + 1, STALE), (T + 2, 3.0)],
    } == scene.samples()


def test_the_limit_of_samples_counts_what_relabelling_leaves() -> None:
    scene = Scene(limits=ScrapeLimits(max_samples=1), scrape=DROP_B)
    assert Health.UP is scene.scrape(b"a 1\nb1 1\nb2 1\n").health
    outcome = scene.scrape(b"a 1\nb1 1\nc 1\n", T + 1)
    assert (Health.DOWN, 3) == (outcome.health, outcome.samples)
    assert [1.0, 2.0] == scene.reports()["scrape_samples_post_metric_relabeling"]
    assert [3.0, 3.0] == scene.reports()["scrape_samples_scraped"]


def test_relabelling_that_takes_the_metrics_name_fails_the_scrape() -> None:
    scene = Scene(scrape={"metric_relabel_configs": [{"regex": "__name__", "action": "labeldrop"}]})
    outcome = scene.scrape(b"a 1\n")
    assert Health.DOWN is outcome.health
    assert "without a metric name; keep '__name__'" in outcome.error


def test_honored_labels_win_and_an_empty_one_takes_the_targets_away() -> None:
    scene = Scene(labels={"job": "j", "instance": "h:1"}, scrape={"honor_labels": True})
    scene.scrape(b'a{job="theirs"} 1\nb{instance=""} 2\nc 3\n')
    assert {
        'a{instance="h:1", job="theirs"}': [(T, 1.0)],
        'b{job="j"}': [(T, 2.0)],
        'c{instance="h:1", job="j"}': [(T, 3.0)],
    } == scene.samples()


def test_own_timestamps_can_be_passed_over() -> None:
    scene = Scene(scrape={"honor_timestamps": False})
    for i in range(2):
        scene.scrape(b"a %d 1000\n" % i, T + i)
    scene.scrape(b"b 1\n", T + 2)
    assert [(T, 0.0), (T + 1, 1.0), (T + 2, STALE)] == scene.samples()['a{job="j"}']


def test_series_with_own_timestamps_can_be_marked_when_they_go() -> None:
    scene = Scene(scrape={"track_timestamps_staleness": True})
    scene.scrape(b"a 1 %d\n" % (T - 5), T)
    scene.scrape(b"b 1\n", T + 1)
    assert [(T - 5, 1.0), (T + 1, STALE)] == scene.samples()['a{job="j"}']


@pytest.mark.parametrize(
    ("option", "limit", "message"),
    [
        ("label_limit", 2, "'abc' has 3 labels, 2 are allowed"),
        ("label_name_length_limit", 7, "the label name '__name__' has 8 bytes, 7 are allowed"),
        ("label_value_length_limit", 2, "the value of label '__name__' has 3 bytes, 2 are allowed"),
    ],
)
def test_limits_on_labels_fail_the_whole_scrape(option: str, limit: int, message: str) -> None:
    scene = Scene(scrape={option: limit})
    outcome = scene.scrape(b'abc{x="1"} 1\nd 1\n')
    assert Health.DOWN is outcome.health
    assert f"{message}; expose less, or raise the workspace's option {option!r}" == outcome.error
    assert {} == scene.samples()
    assert 1 == scene.counted("bongsu_scrape_failures_total", reason="label-limit")


def test_the_extra_report_series_come_and_go_with_their_option() -> None:
    scene = Scene(limits=ScrapeLimits(max_samples=7), scrape={"extra_scrape_metrics": True})
    scene.scrape(b"a 1\n", T)
    scene.writer.write(ScrapeFailed("too large", Failure.BODY_LIMIT), time_ms=T + 1, elapsed=lambda: 0.5)
    scene.fail(T + 2)
    scene.writer.update(replace(scene.target, options=read_options({})))
    scene.scrape(b"a 1\n", T + 3)
    reports = scene.reports()
    assert [10.0, 10.0, 10.0, STALE] == reports["scrape_timeout_seconds"]
    assert [7.0, 7.0, 7.0, STALE] == reports["scrape_sample_limit"]
    assert [4.0, -1.0, 0.0, STALE] == reports["scrape_body_size_bytes"]
    assert [1.0, 0.0, 0.0, 1.0] == reports["up"]


def native_scene(**options: Any) -> tuple[Scene, ScrapeOutcome]:
    scene = Scene(scrape={"scrape_native_histograms": True, **options})
    # Schema 3 has eight buckets to the doubling: bounds 1 to 2.
    histogram = Histogram(3, 0.001, 0.0, 8.0, 2.5, ((1, 8),), (1.0,) * 8)
    return scene, scene.scrape(family("h", HISTOGRAM, metric(HISTOGRAM, native(histogram))), T, CONTENT_TYPE)


@pytest.mark.parametrize(
    ("options", "schema", "buckets"),
    [
        ({}, 3, (1.0,) * 8),
        ({"native_histogram_bucket_limit": 4}, 2, (2.0,) * 4),
        ({"native_histogram_bucket_limit": 1}, 0, (8.0,)),
        ({"native_histogram_min_bucket_factor": 1.1}, 2, (2.0,) * 4),
        ({"native_histogram_min_bucket_factor": 1.05}, 3, (1.0,) * 8),
    ],
)
def test_native_histograms_are_made_as_coarse_as_the_options_say(
    options: dict[str, Any], schema: int, buckets: tuple[float, ...]
) -> None:
    scene, outcome = native_scene(**options)
    assert Health.UP is outcome.health
    (stored,) = histograms_of(scene.store, "h")
    assert (schema, buckets) == (stored.schema, stored.positive_buckets)


def test_a_histogram_that_cannot_be_made_coarse_enough_fails_the_scrape() -> None:
    scene = Scene(scrape={"scrape_native_histograms": True, "native_histogram_bucket_limit": 1})
    wide = Histogram(-4, 0.001, 0.0, 2.0, 2.5, ((0, 2),), (1.0, 1.0))
    outcome = scene.scrape(family("h", HISTOGRAM, metric(HISTOGRAM, native(wide))), T, CONTENT_TYPE)
    assert "a native histogram has 2 buckets, 1 are allowed" in outcome.error


def test_native_histograms_that_nobody_asked_for_are_read_as_classic_ones() -> None:
    scene = Scene()
    histogram = Histogram(3, 0.001, 1.0, 3.0, 2.5, ((0, 1),), (2.0,))
    scene.scrape(family("h", HISTOGRAM, metric(HISTOGRAM, native(histogram))), T, CONTENT_TYPE)
    assert {
        'h_bucket{job="j", le="+Inf"}': [(T, 3.0)],
        'h_count{job="j"}': [(T, 3.0)],
        'h_sum{job="j"}': [(T, 2.5)],
    } == scene.samples()


OPEN_BODY = b"""# TYPE jobs_seconds counter
# UNIT jobs_seconds seconds
jobs_seconds_total{q="a"} 3
# TYPE size gauge
size{__type__="mine",__unit__="mine"} 5
# TYPE wait histogram
wait_bucket{le="1.0"} 1
wait_bucket{le="+Inf"} 2
wait_count 2
wait_sum 1.5
plain 7
# EOF
"""


def described_scene() -> Scene:
    scene = Scene()
    scene.writer = TargetWriter(scene.target, ScrapeMetrics(CollectorRegistry()), describes=True)
    return scene


def test_series_are_described_by_labels_of_type_and_unit() -> None:
    scene = described_scene()
    scene.scrape(OPEN_BODY, T, OPENMETRICS_TYPE)

    assert {
        'jobs_seconds_total{__type__="counter", __unit__="seconds", job="j", q="a"}',
        'size{__type__="gauge", __unit__="mine", job="j"}',
        'wait_bucket{__type__="histogram", job="j", le="1.0"}',
        'wait_bucket{__type__="histogram", job="j", le="+Inf"}',
        'wait_count{__type__="histogram", job="j"}',
        'wait_sum{__type__="histogram", job="j"}',
        'plain{job="j"}',
    } == set(scene.samples("jobs.*|size|wait.*|plain"))
    assert ["up"] == [series for series in scene.reports() if series == "up"]


def test_a_metric_of_another_type_is_another_series_and_the_former_ends() -> None:
    scene = described_scene()
    scene.scrape(b"# TYPE x counter\nx 1\n")
    scene.scrape(b"# TYPE x counter\nx 2\n", T + 1000)
    scene.scrape(b"# TYPE x gauge\nx 3\n", T + 2000)

    assert {
        'x{__type__="counter", job="j"}': [(T, 1.0), (T + 1000, 2.0), (T + 2000, STALE)],
        'x{__type__="gauge", job="j"}': [(T + 2000, 3.0)],
    } == scene.samples("x")
