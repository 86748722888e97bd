from __future__ import annotations

import math

import numpy as np
import pytest
from tests.naive import buckets as naive_buckets
from tests.naive import groups as naive
from tests.naive.windows import quantile

from bongsu.kernels.buckets import classic_buckets
from bongsu.kernels.groups import GroupOp, accumulate, finish, merge
from bongsu.kernels.ranks import group_best, group_quantiles

ROWS, STEPS, GROUPS = 40, 6, 5
RANDOM = np.random.default_rng(7)
VALUES = RANDOM.choice([0.0, -1.5, 2.0, 1e9, 3.25, math.nan], size=(ROWS, STEPS))
KINDS = RANDOM.choice([0, 1, 1, 2], size=(ROWS, STEPS)).astype(np.uint8)
IDS = RANDOM.integers(0, GROUPS, size=ROWS)
ORDER = np.argsort(IDS, kind="stable")
BOUNDS = np.concatenate(([0], np.cumsum(np.bincount(IDS, minlength=GROUPS)))).astype(np.int64)


def members(group: int, step: int) -> list[float]:
    return [float(VALUES[r, step]) for r in range(ROWS) if IDS[r] == group and KINDS[r, step] == 1]


@pytest.mark.parametrize("op", [op for op in GroupOp if op is not GroupOp.AVG_INCREMENTAL])
@pytest.mark.parametrize("split", [0, 13, ROWS])
def test_aggregation_equals_its_definition_however_the_series_are_split(op: GroupOp, split: int) -> None:
    planes, others = np.zeros((3, GROUPS, STEPS)), np.zeros((3, GROUPS, STEPS))
    accumulate(op, VALUES[:split], KINDS[:split], IDS[:split], planes)
    accumulate(op, VALUES[split:], KINDS[split:], IDS[split:], others)
    merge(op, planes, others)
    out, kinds = np.empty((GROUPS, STEPS)), np.empty((GROUPS, STEPS), dtype=np.uint8)
    finish(op, planes, out, kinds)
    for group in range(GROUPS):
        for step in range(STEPS):
            expected = naive.aggregate(op.name, members(group, step))
            assert (expected is not None) == (kinds[group, step] == 1)
            if expected is not None:
                assert expected == pytest.approx(out[group, step], rel=1e-9, nan_ok=True)


def test_an_incremental_average_does_not_overflow() -> None:
    values, planes = np.full((4, 1), 1.5e308), np.zeros((3, 1, 1))
    accumulate(
        GroupOp.AVG_INCREMENTAL, values, np.ones((4, 1), dtype=np.uint8), np.zeros(4, dtype=np.int64), planes
    )
    out, kinds = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8)
    finish(GroupOp.AVG_INCREMENTAL, planes, out, kinds)
    assert out[0, 0] == pytest.approx(1.5e308)


@pytest.mark.parametrize("phi", [-1.0, 0.0, 0.25, 0.9, 1.0, 2.0, math.nan])
def test_group_quantiles_equal_those_of_the_sorted_group(phi: float) -> None:
    out, kinds = np.empty((GROUPS, STEPS)), np.empty((GROUPS, STEPS), dtype=np.uint8)
    group_quantiles(VALUES, KINDS, ORDER, BOUNDS, np.full(STEPS, phi), out, kinds)
    for group in range(GROUPS):
        for step in range(STEPS):
            values = members(group, step)
            assert bool(values) == (kinds[group, step] == 1)
            if values:
                assert quantile(values, phi) == pytest.approx(out[group, step], nan_ok=True)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("limit", [-1, 0, 1, 3, 100])
def test_group_best_keeps_the_best_of_each_group(largest: bool, limit: int) -> None:
    keep = np.zeros((ROWS, STEPS), dtype=np.uint8)
    for steps in ((0, STEPS // 2), (STEPS // 2, STEPS)):
        group_best(VALUES, KINDS, ORDER, BOUNDS, np.full(STEPS, limit), keep, steps, largest=largest)
    for step in range(STEPS):
        for group in range(GROUPS):
            rows = np.flatnonzero((IDS == group) & (keep[:, step] == 1))
            assert (KINDS[rows, step] == 1).all()
            expected = naive.best(members(group, step), limit, largest=largest)
            kept = naive.best(VALUES[rows, step].tolist(), ROWS, largest=largest)
            assert expected == pytest.approx(kept, nan_ok=True)


def histograms(seed: int, *, falling: bool) -> list[tuple[float, float]]:
    """Buckets of one classic histogram."""
    random = np.random.default_rng(seed)
    bounds = np.unique(random.choice([-2.0, -0.5, 0.0, 0.1, 0.5, 1.0, 5.0], size=5)).tolist()
    counts = np.cumsum(random.integers(0, 5, size=len(bounds) + 1)).astype(float)
    if falling:
        counts[-2] += 3
    return list(zip([*bounds, math.inf], counts.tolist(), strict=True))


@pytest.mark.parametrize("fraction", [True, False])
def test_classic_histograms_equal_their_definition(fraction: bool) -> None:
    for seed in range(60):
        buckets = histograms(seed, falling=not fraction and seed % 3 == 0)
        params = np.random.default_rng(seed).choice([0.0, 0.2, 0.5, 0.99, 1.0], size=(2, 3))
        params.sort(axis=0)
        values = np.repeat([[count] for _, count in buckets], 3, axis=1)
        layout = np.arange(len(buckets)), np.array([0, len(buckets)])
        out, kinds = np.empty((1, 3)), np.empty((1, 3), dtype=np.uint8)
        upper = np.array([bound for bound, _ in buckets])
        ones = np.ones(values.shape, dtype=np.uint8)
        fixes = np.zeros((1, 3, 4))
        classic_buckets(values, ones, upper, layout, params, (out, kinds), fixes, fraction=fraction)
        for step in range(3):
            low, high = params[:, step].tolist()
            expected = (
                naive_buckets.fraction(low, high, buckets)
                if fraction
                else naive_buckets.quantile(low, buckets)
            )
            assert expected == pytest.approx(out[0, step], nan_ok=True)


def test_buckets_that_fall_are_raised_and_noted() -> None:
    values = np.array([[1.0], [5.0], [4.0], [4.5]])
    upper = np.array([0.1, 0.5, 1.0, math.inf])
    layout = np.arange(4), np.array([0, 4])
    results = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8)
    fixes = np.zeros((1, 1, 4))
    ones = np.ones((4, 1), dtype=np.uint8)
    classic_buckets(values, ones, upper, layout, np.full((2, 1), 0.5), results, fixes, fraction=False)
    assert fixes[0, 0].tolist() == [1.0, 1.0, math.inf, 1.0]
