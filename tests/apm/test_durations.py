"""Transactions by duration histograms, where spans are sampled or missing; never where spans are complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apm import LOCAL, NOW_MS, SETTINGS, metrics, span, spans

from bongsu.apm.project import ProjectApm
from bongsu.wire.otlp.values import HistogramPoint, Metric, MetricKind, Temporality

if TYPE_CHECKING:
    from bongsu.apm.ticks import SealedTick

T0 = NOW_MS
GRACE = SETTINGS.grace_ms
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


def histogram(elapsed: list[float], at_ms: int, **options: Any) -> Metric:
    """Return the histogram of durations in seconds; options: name, unit, attributes, delta, start_ms."""
    scale = 1000 if options.get("unit") == "ms" else 1
    bounds = tuple(bound * scale for bound in BOUNDS)
    counts = [0] * (len(bounds) + 1)
    for seconds in elapsed:
        counts[sum(bound < seconds for bound in BOUNDS)] += 1
    point = HistogramPoint(
        options.get("attributes", {}),
        options.get("start_ms", T0) * 1_000_000,
        at_ms * 1_000_000,
        len(elapsed),
        sum(elapsed) * scale,
        bounds,
        tuple(counts),
    )
    temporality = Temporality.DELTA if options.get("delta") else Temporality.CUMULATIVE
    name = options.get("name", "http.server.request.duration")
    return Metric(name, "", options.get("unit", "s"), MetricKind.HISTOGRAM, temporality, False, (point,))


def project() -> ProjectApm:
    return ProjectApm(SETTINGS, secret=b"s", now_ms=T0)


def sealed(apm: ProjectApm, ticks: int) -> list[SealedTick]:
    """Return the first ticks after the start."""
    return [tick for tick in apm.tick(T0 + ticks * 5_000 + GRACE) if tick.end_ms > T0]


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("delta", [False, True])
def test_an_agent_without_spans_is_counted_by_its_histogram(unit: str, delta: bool) -> None:
    apm = project()
    every: list[float] = []
    for tick in range(3):
        new = [0.02, 0.3, 2.0, 6.0][: tick + 1]
        every += new
        at_ms = T0 + tick * 5_000 + 4_000
        apm.add_metrics(
            metrics(histogram(new if delta else every, at_ms, unit=unit, delta=delta)), now_ms=at_ms
        )
    ticks = sealed(apm, 3)
    assert [1, 2, 3] == [tick.numbers.txcount for tick in ticks]
    assert [20, 160, 773] == [tick.numbers.rtime for tick in ticks]
    assert round((2 + 1 / 2) / 3, 4) == ticks[2].numbers.apdex
    assert all(tick.agents[0].is_sampled for tick in ticks)


def test_errors_are_those_of_the_streams_with_a_server_error() -> None:
    apm = project()
    for attributes, count in (
        ({"http.response.status_code": 200}, 5),
        ({"http.response.status_code": 404, "error.type": "404"}, 2),
        ({"http.response.status_code": 500}, 3),
        ({"error.type": "Timeout"}, 1),
    ):
        apm.add_metrics(
            metrics(histogram([0.1] * count, T0 + 1_000, attributes=attributes)), now_ms=T0 + 1_000
        )
    [tick] = sealed(apm, 1)
    assert (11, 4) == (tick.numbers.txcount, tick.transactions.errors)


def test_sampled_spans_are_replaced_by_the_histogram() -> None:
    apm = project()
    every: list[float] = []
    for tick in range(4):
        start = T0 + tick * 5_000
        every += [0.1] * 100
        apm.add_metrics(metrics(histogram(every, start + 4_000)), now_ms=start + 4_000)
        apm.add_spans(spans(*[span(start + 1_000 + i, user="ann") for i in range(10)]), now_ms=start + 4_100)
    ticks = sealed(apm, 4)
    assert [100] * 4 == [tick.numbers.txcount for tick in ticks]
    assert [1] * 4 == [tick.numbers.user for tick in ticks]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12),
    st.integers(0, 4_999),
    st.integers(0, GRACE - 100),
    st.sampled_from([1, 2, 12]),
)
def test_complete_spans_are_always_believed(
    load: list[int], offset: int, delay: int, every_ticks: int
) -> None:
    """However reports and batches fall, an application that sends all its spans is counted by them, exactly."""
    apm = project()
    posts: list[tuple[int, Any]] = []
    recorded: list[tuple[int, float]] = []
    expected: list[int] = []
    for number, count in enumerate(load):
        start = T0 + number * 5_000
        ends = [start + i * 83 for i in range(count)]
        recorded += [(end, 0.05) for end in ends]
        expected.append(len(ends))
        if ends:
            posts.append((ends[-1] + delay, spans(*[span(end, elapsed_ms=50) for end in ends])))
        if number % every_ticks == 0:
            at_ms = start + offset
            posts.append((at_ms + 1, metrics(histogram([e for end, e in recorded if end <= at_ms], at_ms))))
    ticks: list[SealedTick] = []
    for at_ms, batch in sorted(posts, key=lambda post: post[0]):
        ticks += apm.tick(at_ms)
        if "Span" in type(batch).__name__:
            apm.add_spans(batch, now_ms=at_ms)
        else:
            apm.add_metrics(batch, now_ms=at_ms)
    ticks += apm.tick(T0 + len(load) * 5_000 + GRACE)
    assert expected == [tick.numbers.txcount for tick in ticks if tick.end_ms > T0]


def test_nested_instrumentations_that_record_twice_do_not_look_like_sampling() -> None:
    apm = project()
    every: list[float] = []
    for tick in range(4):
        start = T0 + tick * 5_000
        every += [0.1] * 200
        outer = [span(start + 1_000 + i) for i in range(100)]
        inner = [span(start + 999 + i, parent=outer[i].span_id, flags=LOCAL) for i in range(100)]
        apm.add_spans(spans(*inner, *outer), now_ms=start + 3_000)
        apm.add_metrics(metrics(histogram(every, start + 4_000)), now_ms=start + 4_000)
    assert [100] * 4 == [tick.numbers.txcount for tick in sealed(apm, 4)]


def test_a_duration_sent_under_both_names_counts_once() -> None:
    apm = project()
    old = histogram([0.1] * 4, T0 + 1_000, name="http.server.duration", unit="ms")
    new = histogram([0.1] * 4, T0 + 1_000)
    apm.add_metrics(metrics(old, new), now_ms=T0 + 1_000)
    assert 4 == sealed(apm, 1)[0].numbers.txcount


def test_what_an_application_counted_before_the_server_knew_it_is_no_load_of_now() -> None:
    apm = project()
    hour = 3_600_000
    apm.add_metrics(metrics(histogram([0.1] * 5_000, T0 + 1_000, start_ms=T0 - hour)), now_ms=T0 + 1_000)
    apm.add_metrics(metrics(histogram([0.1] * 5_007, T0 + 6_000, start_ms=T0 - hour)), now_ms=T0 + 6_000)
    assert [0, 7] == [tick.numbers.txcount for tick in sealed(apm, 2)]


def test_a_restarted_application_counts_from_zero_again() -> None:
    apm = project()
    apm.add_metrics(metrics(histogram([0.1] * 50, T0 + 1_000)), now_ms=T0 + 1_000)
    restarted = histogram([0.1] * 3, T0 + 6_000, start_ms=T0 + 5_500)
    for _ in range(2):
        apm.add_metrics(metrics(restarted), now_ms=T0 + 6_000)
    assert [50, 3] == [tick.numbers.txcount for tick in sealed(apm, 2)]


def test_reports_once_a_minute_are_spread_over_the_minute_that_follows() -> None:
    apm = project()
    apm.add_metrics(metrics(histogram([], T0 + 1_000)), now_ms=T0 + 1_000)
    apm.add_metrics(metrics(histogram([0.1] * 125, T0 + 61_000)), now_ms=T0 + 61_000)
    counts = [tick.numbers.txcount for tick in sealed(apm, 30)]
    assert 125 == sum(counts)
    assert {10, 11} == set(counts[12:24])
    assert {0} == set(counts[:12] + counts[24:])
