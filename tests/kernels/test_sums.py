from __future__ import annotations

import math

import numpy as np
import pytest
from tests.naive import windows as naive

from bongsu.kernels._sums import add, settle
from bongsu.kernels._window_changes import extrapolation
from bongsu.kernels._window_orders import quantile_of_sorted


def summed(values: list[float]) -> float:
    total, carry = 0.0, 0.0
    for value in values:
        total, carry = add(total, carry, value)
    return settle(total, carry)


@pytest.mark.parametrize("seed", range(20))
def test_a_compensated_sum_is_nearly_the_exact_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = (random.normal(0, 1, 200) * 10.0 ** random.integers(-8, 9, 200)).tolist()
    assert math.fsum(values) == pytest.approx(summed(values), rel=1e-15)


def test_a_sum_with_infinities_is_that_of_plain_addition() -> None:
    assert math.inf == summed([1.0, math.inf, 2.0])
    assert math.isnan(summed([math.inf, -math.inf]))
    assert math.inf == summed([1.7e308, 1.7e308, 1.0])


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.5, 0.999, 1.0, -0.5, 1.5, math.nan])
@pytest.mark.parametrize("nans", [0, 2])
def test_the_quantile_of_sorted_numbers_equals_its_definition(phi: float, nans: int) -> None:
    numbers = [-3.0, 0.5, 0.5, 8.0, math.inf]
    expected = naive.quantile([math.nan] * nans + numbers, phi)
    assert expected == pytest.approx(quantile_of_sorted(np.array(numbers), nans, phi), nan_ok=True)


def test_an_extrapolated_increase_is_the_increase_times_its_factor() -> None:
    window = [(10_000, 4.0), (25_000, 6.0), (40_000, 9.0)]
    factor = extrapolation(10_000, 40_000, 2, 0, 60_000, 4.0 / 5.0)
    assert naive.extrapolated("increase", window, 60_000, 60_000) == pytest.approx(5.0 * factor)
