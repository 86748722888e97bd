"""Charts of braille dots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.client.chart import draw_chart
from bongsu.client.results import Series


def line(*values: float, start: int = 0, step: int = 1000) -> Series:
    times = start + step * np.arange(len(values), dtype=np.int64)
    return Series({"__name__": "m"}, times, np.array(values, dtype=np.float64))


def texts(*series: Series, width: int = 41, height: int = 7) -> list[str]:
    return ["".join(cell.text for cell in row) for row in draw_chart(series, width=width, height=height)]


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = texts(line(0, 10))
    assert "⠉" == lines[0][-1] or "⠁" <= lines[0][-1]
    assert "⠀" == lines[0][11]
    assert "⠀" != lines[4][11]
    assert "⠀" == lines[4][-1]


def test_axes_name_the_ends() -> None:
    lines = texts(line(0, 2_000_000, start=1_700_000_000_000, step=3_600_000))
    assert lines[0].lstrip().startswith("2.00M │")
    assert lines[4].lstrip().startswith("0 │")
    assert "22:13:20" in lines[-1]
    assert lines[-1].endswith("23:13:20 UTC")


def test_each_dot_is_coloured_for_its_series() -> None:
    cells = [cell for row in draw_chart([line(1, 1), line(2, 2)], width=40, height=8) for cell in row]
    drawn = {cell.series for cell in cells if cell.series is not None and cell.text != "⠀"}
    assert {0, 1} == drawn


@pytest.mark.parametrize("values", [(), (float("nan"),), (float("inf"), float("-inf"))])
def test_nothing_is_drawn_of_what_has_no_finite_value(values: tuple[float, ...]) -> None:
    assert [] == texts(line(*values))


def test_nan_leaves_a_gap() -> None:
    lines = texts(line(1, float("nan"), 1))
    assert "⠀" in lines[2]
    assert 2 == sum(character != "⠀" for character in lines[2][11:])


def test_a_constant_is_drawn_in_the_middle() -> None:
    lines = texts(line(5, 5, 5))
    assert 1 == sum(any(character != "⠀" for character in row[11:]) for row in lines[:5])


@given(
    st.lists(st.floats(), min_size=1, max_size=30),
    st.integers(0, 200),
    st.integers(0, 40),
)
def test_every_value_can_be_drawn(values: list[float], width: int, height: int) -> None:
    lines = draw_chart([line(*values)], width=width, height=height)
    assert len(lines) in {0, max(height, 5)}
