from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.kernels.histogram_samples import mark_transitions
from bongsu.kernels.histogram_windows import histogram_windows
from bongsu.kernels.window_ops import WindowOp
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import STALE_NAN
from bongsu.promql.execute.histogram_samples import read_histograms
from bongsu.promql.histograms.arithmetic import add, is_reset, subtract
from bongsu.promql.histograms.columns import (
    Dense,
    HistogramArray,
    Objects,
    array_of,
    concatenate,
    no_histograms,
)
from bongsu.promql.histograms.readings import PLAIN, read_fractions, read_plain, read_quantiles
from bongsu.promql.histograms.sparse import Sparse, thaw
from bongsu.promql.histograms.totals import HistogramTotal
from bongsu.storage.histograms import encode_histogram
from bongsu.storage.raw import Sample, chunks_of_samples, view_of_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = st.lists(st.integers(0, 9), min_size=1, max_size=5)


@st.composite
def series(draw: st.DrawFn) -> list[Histogram]:
    """Return histograms of one layout, whose buckets begin at different places, some of them empty."""
    custom = draw(st.booleans())
    schema = CUSTOM_BUCKETS_SCHEMA if custom else draw(st.integers(-2, 4))
    found = []
    for _ in range(draw(st.integers(1, 8))):
        positive, negative = draw(COUNTS), draw(COUNTS if not custom else st.just([]))
        zero = 0 if custom else draw(st.integers(0, 3))
        extra = draw(st.integers(0, 2))
        total = math.nan if extra else draw(st.integers(-50, 50)) / 2
        found.append(
            Histogram(
                schema,
                0.0 if custom else 0.25,
                zero,
                sum(positive) + sum(negative) + zero + extra,
                total,
                ((0 if custom else draw(st.integers(-3, 3)), len(positive)),),
                tuple(map(float, positive)),
                ((draw(st.integers(-3, 3)), len(negative)),) if negative else (),
                tuple(map(float, negative)),
                (-1.0, 1.0, 2.5, 7.0) if custom else (),
                draw(st.sampled_from(ResetHint)),
                is_float=True,
            )
        )
    return found


def columns_of(histograms: Sequence[Histogram]) -> HistogramArray:
    samples = [Sample(1000 * i, encode_histogram(each)) for i, each in enumerate(histograms)]
    view = view_of_chunks([chunks_of_samples(samples)])
    return read_histograms(view, 0, 1000 * len(histograms)).histograms


def dense_of(histograms: Sequence[Histogram]) -> Dense:
    ((_, part),) = columns_of(histograms).used_parts()
    assert isinstance(part, Dense)
    return part


def close(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-9)


def alike(one: Sparse, other: Sparse) -> bool:
    """Tell whether two histograms hold the same observations."""
    sides = [(one.positive, other.positive), (one.negative, other.negative)]
    return (
        all(
            close(getattr(one, name), getattr(other, name))
            for name in ("count", "sum", "zero_count", "schema")
        )
        and one.custom_values == other.custom_values
        and all(close(a.get(i, 0.0), b.get(i, 0.0)) for a, b in sides for i in a.keys() | b.keys())
    )


@settings(max_examples=60, deadline=None)
@given(series())
def test_columns_are_the_histograms_that_were_stored(histograms: list[Histogram]) -> None:
    found = columns_of(histograms)

    assert all(alike(found.sparse(i), thaw(each)) for i, each in enumerate(histograms))


@settings(max_examples=60, deadline=None)
@given(series())
def test_hints_say_what_the_samples_say(histograms: list[Histogram]) -> None:
    """A gauge stays one, an explicit reset stays one; else the sample before tells, and nothing tells of the first one."""
    expected = []
    for i, each in enumerate(histograms):
        known = each.reset_hint in (ResetHint.GAUGE, ResetHint.RESET)
        follows = i > 0 and histograms[i - 1].reset_hint is not ResetHint.GAUGE
        if known or not follows:
            expected.append(each.reset_hint if known else ResetHint.UNKNOWN)
            continue
        after, before = thaw(each), thaw(histograms[i - 1])
        after.reset_hint = ResetHint.UNKNOWN
        expected.append(ResetHint.RESET if is_reset(after, before) else ResetHint.NO_RESET)

    assert expected == columns_of(histograms).hints().tolist()


def test_a_change_of_layout_tells_nothing_unless_the_count_fell() -> None:
    fine = Histogram(2, 0.0, 0.0, 4.0, 4.0, ((0, 1),), (4.0,), is_float=True)
    coarse = Histogram(1, 0.0, 0.0, 6.0, 4.0, ((0, 1),), (6.0,), is_float=True)

    hints = columns_of([fine, coarse, coarse, fine, fine]).hints().tolist()

    unknown, kept, fell = ResetHint.UNKNOWN, ResetHint.NO_RESET, ResetHint.RESET
    assert [unknown, unknown, kept, fell, kept] == hints


@settings(max_examples=80, deadline=None)
@given(series(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0, -1.0, math.nan]))
def test_quantiles_of_columns_are_those_of_one_histogram_after_another(
    histograms: list[Histogram], phi: float
) -> None:
    dense, phis, rows = dense_of(histograms), np.full(len(histograms), phi), np.arange(len(histograms))

    values, nans = read_quantiles(phis, dense, rows)
    expected = read_quantiles(phis, Objects(histograms), rows)

    assert all(map(close, expected.values.tolist(), values.tolist()))
    assert expected.nans.tolist() == nans.tolist()


@settings(max_examples=80, deadline=None)
@given(series(), st.tuples(*[st.sampled_from([-math.inf, -2.0, 0.0, 0.1, 1.5, 4.0, math.inf, math.nan])] * 2))
def test_fractions_of_columns_are_those_of_one_histogram_after_another(
    histograms: list[Histogram], limits: tuple[float, float]
) -> None:
    dense, rows = dense_of(histograms), np.arange(len(histograms))
    both = np.repeat(np.array([limits]).T, len(histograms), axis=1)

    values, nans = read_fractions(both, dense, rows)
    expected = read_fractions(both, Objects(histograms), rows)

    assert all(map(close, expected.values.tolist(), values.tolist()))
    assert expected.nans.tolist() == nans.tolist()


@pytest.mark.parametrize("name", sorted(PLAIN))
@settings(max_examples=30, deadline=None)
@given(series())
def test_readings_of_columns_are_those_of_one_histogram_after_another(
    name: str, histograms: list[Histogram]
) -> None:
    dense, rows = dense_of(histograms), np.arange(len(histograms))

    values = read_plain(name, dense, rows).values
    expected = read_plain(name, Objects(histograms), rows).values

    assert all(map(close, expected.tolist(), values.tolist()))


@pytest.mark.parametrize("mean", [False, True])
@settings(max_examples=40, deadline=None)
@given(series())
def test_sums_of_columns_are_those_of_all_histograms(mean: bool, histograms: list[Histogram]) -> None:
    dense, n = dense_of(histograms), len(histograms)
    total = HistogramTotal(mean=mean)
    for each in histograms:
        total.add(thaw(each))

    op = WindowOp.AVG_OVER_TIME if mean else WindowOp.SUM_OVER_TIME
    samples = 1000 * np.arange(n), dense.rows, np.zeros(n, dtype=np.uint8)
    rows = histogram_windows(op, samples, np.array([1000 * n]), 10**9, np.array([0]), np.array([n]))

    expected = thaw(total.result())
    assert alike(Dense(dense.layout, rows, np.zeros(1, dtype=np.uint8)).sparse(0), expected)


@settings(max_examples=60, deadline=None)
@given(series())
def test_increases_of_columns_are_those_of_one_histogram_after_another(histograms: list[Histogram]) -> None:
    """Over the whole series, whose edges are those of the window, so that nothing is extrapolated."""
    dense, n = dense_of(histograms), len(histograms)
    resets, changes = mark_transitions(dense.rows, dense.hints)
    ends, edges = np.array([1000 * n - 1000]), (np.array([0]), np.array([n]))
    rows = histogram_windows(
        WindowOp.INCREASE, (1000 * np.arange(n), dense.rows, resets), ends, int(ends[0]) or 1, *edges
    )

    points = [dense.sparse(i) for i in range(n)]
    assert [0, *(is_reset(points[i], points[i - 1]) for i in range(1, n))] == resets.tolist()
    assert [0, *(not alike(points[i], points[i - 1]) for i in range(1, n))] == changes.tolist()
    if n < 2:
        assert len(rows) == 0
        return
    expected = points[-1].copy()
    subtract(expected, points[0])
    for i in range(1, n):
        if is_reset(points[i], points[i - 1]):
            add(expected, points[i - 1])
    assert alike(Dense(dense.layout, rows, np.zeros(1, dtype=np.uint8)).sparse(0), expected)


def test_cells_are_taken_stacked_and_left_out_by_their_codes() -> None:
    one = Histogram(0, 0.0, 0.0, 1.0, 1.0, ((0, 1),), (1.0,), is_float=True)
    two = Histogram(0, 0.0, 0.0, 2.0, 2.0, ((0, 1),), (2.0,), is_float=True)

    both = concatenate([array_of([one, None]), no_histograms((1,)), array_of([two])])

    assert [one, None, None, two] == both.objects()
    assert [two, one] == both[[3, 0]].objects()
    assert [None, two] == both.where(np.array([False, True, True, True]))[[0, 3]].objects()
    assert [-1.0, -2.0] == [both.negated().sparse(i).count for i in (0, 3)]


def test_a_histogram_whose_sum_is_the_stale_marker_ends_its_series() -> None:
    kept = Histogram(0, 0.0, 0.0, 1.0, 1.0, ((0, 1),), (1.0,), is_float=True)
    stale = Histogram(0, 0.0, 0.0, 0.0, STALE_NAN, is_float=True)
    samples = [Sample(1000 * i, encode_histogram(each)) for i, each in enumerate([kept, stale, kept])]

    found = read_histograms(view_of_chunks([chunks_of_samples(samples)]), 0, 10_000)

    assert [True, False, True] == found.histograms.present().tolist()
    # Nothing is known of a counter that comes back.
    assert [ResetHint.UNKNOWN] * 3 == found.histograms.hints().tolist()
