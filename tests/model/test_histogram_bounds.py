from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.histograms import exponential_bound


@pytest.mark.parametrize(
    ("schema", "bounds"),
    [
        (0, [0.5, 1.0, 2.0]),
        (1, [0.5, 0.7071067811865475, 1.0, 1.414213562373095, 2.0]),
        (2, [0.5, 0.5946035575013605, 0.7071067811865475, 0.8408964152537144, 1.0]),
        (
            3,
            [
                0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475,
                0.7711054127039704, 0.8408964152537144, 0.9170040432046711, 1.0,
            ],
        ),
        (-1, [0.25, 1.0, 4.0]),
        (-4, [2.0**-16, 1.0, 65536.0]),
    ],
)  # fmt: skip
def test_bounds_are_those_of_prometheus_bit_for_bit(schema: int, bounds: list[float]) -> None:
    first = round(math.log2(bounds[0]) * 2.0**schema)

    assert bounds == [exponential_bound(first + i, schema) for i in range(len(bounds))]


@given(st.integers(-4, 8), st.integers(-1000, 1000))
def test_bounds_are_powers_of_the_growth_factor(schema: int, octaves: int) -> None:
    index = int(octaves * 2.0**schema)

    assert math.isclose(math.log2(exponential_bound(index, schema)), index / 2.0**schema, abs_tol=1e-12)


@given(st.integers(0, 7), st.integers(-5000, 5000))
def test_a_coarser_schema_has_every_second_bound_of_the_finer_one(schema: int, index: int) -> None:
    assert exponential_bound(index, schema) == exponential_bound(2 * index, schema + 1)


@pytest.mark.parametrize(("index", "schema"), [(1024, 0), (512, -1), (64, -4), (1024 << 8, 8)])
def test_the_bound_that_no_float_reaches_is_the_largest_float(index: int, schema: int) -> None:
    assert sys.float_info.max == exponential_bound(index, schema)
    assert exponential_bound(index - 1, schema) < sys.float_info.max
    assert math.inf == exponential_bound(index + 1, schema)
