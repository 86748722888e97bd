"""Start times told by ``_created`` samples of OpenMetrics, over the writer and its cache of layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Summary
from prometheus_client.openmetrics.exposition import generate_latest
from tests.support.exporter import TEXT_TYPE

from bongsu.model.labels import format_labels
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.execute.samples import StoredSamples
from bongsu.scrape.fetch import FetchedBody
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.options import read_options
from bongsu.scrape.outcomes import Health
from bongsu.scrape.targets import ScrapeTarget
from bongsu.scrape.writer import TargetWriter
from bongsu.storage.memory import MemoryProjectStore

T = 1_700_000_000_000
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
NAMED = (Matcher("__name__", MatchOp.NOT_REGEX, "up|scrape_.*"),)

BODY = """# TYPE jobs counter
jobs_total{q="a"} 5
jobs_created{q="a"} 1699999990.25
jobs_total{q="b"} 6
# TYPE wait_seconds histogram
wait_seconds_bucket{q="a",le="1"} 1
wait_seconds_bucket{le="+Inf",q="a"} 2
wait_seconds_count{q="a"} 2
wait_seconds_sum{q="a"} 1.5
wait_seconds_created{q="a"} 1699999991
# TYPE size summary
size{quantile="0.5"} 1
size_count 2
size_sum 3
size_created 1699999992
# TYPE file_created gauge
file_created 1699999993
# TYPE file gauge
file 1
# EOF
"""
BEGUN = {
    'jobs_total{job="j", q="a"}': 1_699_999_990_250,
    'wait_seconds_bucket{job="j", le="1.0", q="a"}': 1_699_999_991_000,
    'wait_seconds_bucket{job="j", le="+Inf", q="a"}': 1_699_999_991_000,
    'wait_seconds_count{job="j", q="a"}': 1_699_999_991_000,
    'wait_seconds_sum{job="j", q="a"}': 1_699_999_991_000,
    'size{job="j", quantile="0.5"}': 1_699_999_992_000,
    'size_count{job="j"}': 1_699_999_992_000,
    'size_sum{job="j"}': 1_699_999_992_000,
}


class Scene:
    """A writer that keeps what is told of starts, unless it is said not to."""

    def __init__(self, *, keeps_starts: bool = True, **options: Any) -> None:
        self.store = MemoryProjectStore()
        target = ScrapeTarget(
            "t1", "http://h/metrics", (("job", "j"),), self.store, options=read_options(options)
        )
        self.registry = CollectorRegistry()
        self.writer = TargetWriter(target, ScrapeMetrics(self.registry), keeps_starts=keeps_starts)

    def scrape(self, body: str, at_ms: int = T, content_type: str = OPENMETRICS_TYPE) -> None:
        answer = FetchedBody(body.encode(), content_type, 200)
        outcome = self.writer.write(answer, time_ms=at_ms, elapsed=lambda: 0.1)
        assert Health.UP is outcome.health

    def begun(self, at_ms: int = T) -> dict[str, int]:
        """Return the starts that are known of samples of a time, by series."""
        with self.store.select(NAMED, at_ms, at_ms) as selection:
            n_series = selection.labels.n_series
            block = StoredSamples(selection, at_ms, at_ms, keep_stale=True, with_starts=True).read(
                0, n_series
            )
            rows = np.searchsorted(block.offsets, np.arange(len(block.times)), side="right") - 1
            names = [format_labels(selection.labels.labels(int(row))) for row in rows]
        return {name: start for name, start in zip(names, block.starts.tolist(), strict=True) if start}


def test_samples_of_a_metric_begin_when_its_created_sample_says() -> None:
    scene = Scene()
    scene.scrape(BODY)

    assert BEGUN == scene.begun()


def test_a_known_layout_keeps_them_and_sees_a_restart() -> None:
    scene = Scene()
    scene.scrape(BODY)
    scene.scrape(BODY.replace("1699999990.25", "1700000005.5"), T + 15_000)

    assert 1 == scene.registry.get_sample_value("bongsu_scrape_layout_hits_total")
    assert {**BEGUN, 'jobs_total{job="j", q="a"}': 1_700_000_005_500} == scene.begun(T + 15_000)


def test_lines_that_are_new_do_not_cost_the_known_ones_their_starts() -> None:
    scene = Scene()
    scene.scrape(BODY)
    scene.scrape(BODY.replace("# TYPE wait", 'jobs_created{q="b"} 1699999999\n# TYPE wait'), T + 15_000)

    assert {**BEGUN, 'jobs_total{job="j", q="b"}': 1_699_999_999_000} == scene.begun(T + 15_000)


def test_native_histograms_of_classic_ones_begin_with_them() -> None:
    scene = Scene(convert_classic_histograms_to_nhcb=True)
    scene.scrape(BODY)

    assert 1_699_999_991_000 == scene.begun()['wait_seconds{job="j", q="a"}']


@pytest.mark.parametrize("seconds", ["NaN", "+Inf", "-1", "0", "1e300"])
def test_a_time_that_is_none_is_unknown(seconds: str) -> None:
    scene = Scene()
    scene.scrape(BODY.replace("1699999990.25", seconds))

    assert 'jobs_total{job="j", q="a"}' not in scene.begun()


def test_without_the_feature_and_in_other_formats_they_are_series_like_others() -> None:
    without, text = Scene(keeps_starts=False), Scene()
    without.scrape(BODY)
    text.scrape(BODY.removesuffix("# EOF\n"), content_type=TEXT_TYPE)

    assert {} == without.begun() == text.begun()


def test_those_of_the_python_client_are_understood() -> None:
    registry = CollectorRegistry()
    Counter("done", "Done.", ["queue"], registry=registry).labels("ü").inc()
    Summary("took_seconds", "Time.", registry=registry).observe(1)
    Gauge("held", "Held.", registry=registry).set(1)
    scene = Scene()
    body: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    scene.scrape(body.decode())

    assert {
        'done_total{job="j", queue="ü"}',
        'took_seconds_count{job="j"}',
        'took_seconds_sum{job="j"}',
    } == scene.begun().keys()
