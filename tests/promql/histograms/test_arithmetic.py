from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.naive.histograms import observe, observe_custom

from bongsu.model.histograms import ResetHint, exponential_bound
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts, add, is_reset, same, subtract
from bongsu.promql.histograms.sparse import Sparse, thaw
from bongsu.promql.histograms.statistics import fraction, quantile
from bongsu.promql.histograms.totals import HistogramTotal
from bongsu.promql.histograms.trim import trim


def observations(seed: int, count: int = 40) -> list[float]:
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], count)
    return list(map(float, signs * np.exp(random.normal(0, 2, count))))


def assert_same(expected: Sparse, found: Sparse) -> None:
    assert expected.sum == pytest.approx(found.sum)
    expected.sum = found.sum
    assert same(expected, found), (expected, found)


@pytest.mark.parametrize("seed", range(10))
def test_adding_histograms_is_observing_both(seed: int) -> None:
    ours, theirs = observations(seed), observations(seed + 100)
    total = observe(ours, 3)
    add(total, observe(theirs, 1))
    assert_same(observe(ours + theirs, 1), total)


@pytest.mark.parametrize("seed", range(10))
def test_subtracting_takes_back_what_was_added(seed: int) -> None:
    ours, theirs = observations(seed), observations(seed + 100)
    both = observe(ours + theirs, 2)
    subtract(both, observe(theirs, 2))
    assert_same(observe(ours, 2), both)


@pytest.mark.parametrize("mean", [False, True])
def test_a_total_is_the_same_in_any_order(mean: bool) -> None:
    parts = [observe(observations(seed), seed % 4) for seed in range(6)]
    results = []
    for order in (parts, parts[::-1]):
        total = HistogramTotal(mean=mean)
        for part in order:
            total.add(part.copy())
        results.append(total.result())
    assert results[0] == results[1]
    everything = [v for seed in range(6) for v in observations(seed)]
    expected = observe(everything, 0)
    assert_same(expected.divide(6) if mean else expected, thaw(results[0]))


def test_a_wider_zero_bucket_takes_in_what_it_covers() -> None:
    values = [0.001, -0.002, 0.3, 5.0, -7.0]
    total = observe(values, 2)
    add(total, observe([], 2, zero_threshold=0.5))
    assert_same(observe(values, 2, zero_threshold=0.5), total)


def test_a_zero_bucket_grows_to_the_end_of_a_bucket_that_it_would_cut() -> None:
    total = observe([0.9], 0)
    add(total, observe([], 0, zero_threshold=0.75))
    assert (1.0, 1.0, {}) == (total.zero_threshold, total.zero_count, total.positive)


def test_custom_bounds_are_reduced_to_the_common_ones() -> None:
    ours, theirs = [0.5, 1.5, 4.0, 20.0], [0.2, 3.0, 7.0]
    total = observe_custom(ours, [1, 2, 5, 10])
    assert add(total, observe_custom(theirs, [1, 5, 8])).reconciled
    assert_same(observe_custom(ours + theirs, [1, 5]), total)


def test_exponential_and_custom_buckets_cannot_be_added() -> None:
    with pytest.raises(IncompatibleLayouts):
        add(observe([1.0], 0), observe_custom([1.0], [2]))


def test_a_histogram_that_lost_an_observation_was_reset() -> None:
    values = observations(1)
    before = observe(values, 2)
    assert not is_reset(observe([*values, 3.0], 2), before)
    assert not is_reset(observe([*values, 3.0], 1), before)
    assert is_reset(observe([*values[1:], 3.0, 3.0], 2), before)
    assert is_reset(observe([*values, 3.0], 3), before)


@pytest.mark.parametrize("hint", [ResetHint.RESET, ResetHint.NO_RESET])
def test_a_hint_settles_whether_there_was_a_reset(hint: ResetHint) -> None:
    current = observe([1.0], 0)
    current.reset_hint = hint
    assert (hint is ResetHint.RESET) == is_reset(current, observe([1.0, 2.0], 0))


def test_hints_that_contradict_each_other_are_a_collision() -> None:
    total = HistogramTotal(mean=False)
    for hint in (ResetHint.RESET, ResetHint.NO_RESET):
        part = observe([1.0], 0)
        part.reset_hint = hint
        total.add(part.copy())
    assert total.collision
    assert ResetHint.UNKNOWN is total.result().reset_hint


@pytest.mark.parametrize("schema", [-4, -1, 0, 3, 8])
def test_bounds_grow_by_the_schema_s_factor(schema: int) -> None:
    for index in (-3, 0, 1, 5):
        ratio = exponential_bound(index + 1, schema) / exponential_bound(index, schema)
        assert 2.0 ** (2.0**-schema) == pytest.approx(ratio)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("phi", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_quantile_lies_in_the_bucket_of_the_observation_of_its_rank(seed: int, phi: float) -> None:
    values = sorted(observations(seed, 41))
    histogram = observe(values, 4)
    exact = values[round(phi * 40)]
    found = quantile(phi, histogram).value
    assert abs(np.log2(abs(found / exact))) <= 2 * 2.0**-4


@pytest.mark.parametrize("seed", range(5))
def test_fractions_of_neighbouring_ranges_add_up(seed: int) -> None:
    histogram = observe(observations(seed), 1)
    edges = [-np.inf, -3.0, -0.1, 0.0, 0.7, 2.0, np.inf]
    shares = [fraction(low, high, histogram) for low, high in itertools.pairwise(edges)]
    assert sum(shares) == pytest.approx(1.0)
    assert fraction(-3.0, 2.0, histogram) == pytest.approx(sum(shares[1:5]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bound", [-2.0, 0.0, 0.3, 4.0])
def test_both_sides_of_a_trim_hold_all_observations(seed: int, bound: float) -> None:
    histogram = observe(observations(seed), 2)
    below = trim(histogram.copy(), bound, keep_below=True)
    above = trim(histogram.copy(), bound, keep_below=False)
    assert histogram.count == pytest.approx(below.count + above.count)
    assert fraction(-np.inf, bound, histogram) * histogram.count == pytest.approx(below.count)


def test_a_trim_that_cuts_nothing_off_keeps_count_and_sum() -> None:
    histogram = observe([1.0, 2.0, 3.3], 2)
    assert same(histogram, trim(histogram.copy(), 10.0, keep_below=True))
    assert same(histogram, trim(histogram.copy(), 0.1, keep_below=False))


def test_freezing_and_thawing_change_nothing() -> None:
    histogram = observe(observations(4), 3)
    assert same(histogram, thaw(histogram.frozen()))
