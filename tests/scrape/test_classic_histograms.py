"""Classic histograms as native ones with the same bounds, over the writer and its cache of layouts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.support.exporter import TEXT_TYPE
from tests.support.metric_families import CONTENT_TYPE, HISTOGRAM, family, metric, native
from tests.support.samples import stored, stored_histograms

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.scrape.classic import classic_histograms
from bongsu.scrape.fetch import FetchedBody
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.options import read_options
from bongsu.scrape.targets import ScrapeTarget
from bongsu.scrape.writer import TargetWriter
from bongsu.storage.histograms import histogram_fault
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.exposition.negotiation import Format, parse_exposition

T = 1_700_000_000_000
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Scene:
    def __init__(self, **options: Any) -> None:
        self.store = MemoryProjectStore()
        self.registry = CollectorRegistry()
        scrape = read_options({"convert_classic_histograms_to_nhcb": True, **options})
        self.target = ScrapeTarget("t1", "http://h/metrics", (("job", "j"),), self.store, options=scrape)
        self.writer = TargetWriter(self.target, ScrapeMetrics(self.registry))

    def scrape(self, body: str | bytes, at_ms: int = T, content_type: str = TEXT_TYPE) -> Any:
        raw = body.encode() if isinstance(body, str) else body
        return self.writer.write(FetchedBody(raw, content_type, 200), time_ms=at_ms, elapsed=lambda: 0.1)

    def names(self) -> set[str]:
        return {series for series in stored(self.store) if not series.startswith(("up{", "scrape_"))}

    def report(self, name: str) -> list[Any]:
        return list(stored(self.store, __name__=name)[f'{name}{{job="j"}}'].values())


def body(*cumulative: float, total: float = 4.5, other: int = 7) -> str:
    counts = zip(("0.1", "1", "+Inf"), cumulative, strict=True)
    lines = "".join(f'd_bucket{{a="b",le="{bound}"}} {count}\n' for bound, count in counts)
    return (
        f'# TYPE d histogram\n{lines}d_sum{{a="b"}} {total}\nd_count{{a="b"}} {cumulative[-1]}\n'
        f"# TYPE other counter\nother_count {other}\n"
    )


def nhcb(*buckets: float, total: float = 4.5) -> Histogram:
    return Histogram(
        CUSTOM_BUCKETS_SCHEMA,
        zero_threshold=0.0,
        zero_count=0.0,
        count=sum(buckets),
        sum=total,
        positive_spans=((0, 3),),
        positive_buckets=buckets,
        custom_values=(0.1, 1.0),
    )


def test_classic_histograms_become_native_ones_in_every_scrape_of_a_layout() -> None:
    scene = Scene()
    scene.scrape(body(1, 3, 6))
    scene.scrape(body(2, 5, 9, total=8.0), T + 15_000)
    expected = {T: nhcb(1, 2, 3), T + 15_000: nhcb(2, 3, 4, total=8.0)}
    assert {'d{a="b", job="j"}': expected} == stored_histograms(scene.store)
    assert {'d{a="b", job="j"}', 'other_count{job="j"}'} == scene.names()
    assert 1.0 == scene.registry.get_sample_value("bongsu_scrape_layout_hits_total")
    # The parts of a histogram count once, as the one sample that they become.
    assert [2.0, 2.0] == scene.report("scrape_samples_scraped")
    assert [2.0, 2.0] == scene.report("scrape_samples_post_metric_relabeling")
    assert [2.0, 0.0] == scene.report("scrape_series_added")


def test_classic_series_are_kept_beside_where_that_is_wanted() -> None:
    scene = Scene(always_scrape_classic_histograms=True)
    scene.scrape(body(1, 3, 6))
    assert {'d{a="b", job="j"}': {T: nhcb(1, 2, 3)}} == stored_histograms(scene.store)
    assert 'd_bucket{a="b", job="j", le="1.0"}' in scene.names()
    assert [7.0] == scene.report("scrape_samples_scraped")


def test_a_histogram_that_goes_is_marked_once() -> None:
    scene = Scene()
    scene.scrape(body(1, 3, 6))
    scene.scrape("# TYPE other counter\nother_count 8\n", T + 15_000)
    (samples,) = stored(scene.store, __name__="d").values()
    assert [T, T + 15_000] == list(samples)


def test_relabelling_sees_the_native_series() -> None:
    rule = {"source_labels": ["__name__"], "regex": "d", "target_label": "kind", "replacement": "native"}
    scene = Scene(metric_relabel_configs=[rule])
    scene.scrape(body(1, 3, 6))
    assert 'd{a="b", job="j", kind="native"}' in scene.names()


def test_counts_that_fall_are_dropped_with_their_reason_and_the_rest_is_kept() -> None:
    scene = Scene()
    outcome = scene.scrape(body(5, 3, 6))
    assert 1 == outcome.dropped
    labels = {"reason": "invalid-histogram"}
    assert 1.0 == scene.registry.get_sample_value("bongsu_scrape_samples_dropped_total", labels)
    assert {'other_count{job="j"}': {T: 7.0}} == stored(scene.store, __name__="other_count")


def test_exemplars_and_times_belong_to_the_native_series() -> None:
    scene = Scene()
    text = (
        "# TYPE d histogram\n"
        'd_bucket{le="1.0"} 2 1700000001 # {trace_id="x"} 0.5 1700000000\n'
        'd_bucket{le="+Inf"} 3 1700000001\nd_sum 4 1700000001\nd_count 3 1700000001\n# EOF\n'
    )
    scene.scrape(text, content_type=OPENMETRICS_TYPE)
    assert {T + 1000} == set(stored(scene.store, __name__="d")['d{job="j"}'])
    found = scene.store.exemplars([[Matcher("__name__", MatchOp.EQUAL, "d")]], 0, T + 10_000)
    assert [0.5] == [exemplar.value for row in found.exemplars for exemplar in row]


def test_a_native_part_wins_over_conversion() -> None:
    scene = Scene(scrape_native_histograms=True, always_scrape_classic_histograms=True)
    histogram = Histogram(3, 0.0, 0.0, 2.0, 1.0, positive_spans=((0, 1),), positive_buckets=(2.0,))
    scene.scrape(family("h", HISTOGRAM, metric(HISTOGRAM, native(histogram))), content_type=CONTENT_TYPE)
    (samples,) = stored_histograms(scene.store).values()
    assert [3] == [sample.schema for sample in samples.values()]


@pytest.mark.parametrize(
    "text",
    [
        '# TYPE d gauge\nd_bucket{le="1"} 1\nd_count 1\n',
        '# TYPE d histogram\nd_bucket{le="x"} 1\nd_count 1\n',
        '# TYPE d histogram\nd_bucket{le="1"} 1\n',
        "# TYPE d histogram\nd_bucket 1\nd_sum 1\n",
        'd_bucket{le="1"} 1\nd_count 1\n',
    ],
)
def test_what_makes_no_histogram_stays_as_it_is(text: str) -> None:
    scene, plain = Scene(), Scene(convert_classic_histograms_to_nhcb=False)
    scene.scrape(text)
    plain.scrape(text)
    assert plain.names() == scene.names()
    assert {} == stored_histograms(scene.store)


def test_the_option_may_be_switched_on_between_scrapes() -> None:
    scene = Scene(convert_classic_histograms_to_nhcb=False)
    scene.scrape(body(1, 3, 6))
    wanted = replace(scene.target.options, convert_classic_histograms_to_nhcb=True)
    scene.writer.update(replace(scene.target, options=wanted))
    scene.scrape(body(1, 3, 6), T + 15_000)
    assert {'d{a="b", job="j"}': {T + 15_000: nhcb(1, 2, 3)}} == stored_histograms(scene.store)
    # The classic series went: they have a mark.
    assert [T, T + 15_000] == list(stored(scene.store, __name__="d_sum")['d_sum{a="b", job="j"}'])


@given(
    st.lists(
        st.tuples(st.integers(-5, 5), st.integers(0, 9)), min_size=1, max_size=6, unique_by=lambda p: p[0]
    )
)
def test_rising_counts_make_a_good_histogram_of_the_same_observations(parts: list[tuple[int, int]]) -> None:
    running, lines = 0, []
    for bound, count in sorted(parts):
        running += count
        lines.append(f'd_bucket{{le="{bound}"}} {running}\n')
    text = "# TYPE d histogram\n" + "".join(reversed(lines)) + f"d_sum 1\nd_count {running + 3}\n"
    parsed = parse_exposition(text.encode(), Format.TEXT, {})
    (classic,) = classic_histograms(parsed)
    made = classic.native(np.array(parsed.values))
    assert histogram_fault(made) is None
    assert (float(running + 3), tuple(float(b) for b, _ in sorted(parts))) == (made.count, made.custom_values)
    assert [float(c) for _, c in sorted(parts)] + [3.0] == list(made.positive_buckets)
