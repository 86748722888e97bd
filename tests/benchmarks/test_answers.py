"""Answers that differ are found out."""

from __future__ import annotations

from typing import Any

from benchmarks.compare.answers import compare, read_matrix


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> Any:
    return read_matrix({"result": [{"metric": labels, "values": points} for labels, points in series]})


ONE = ({"__name__": "m", "a": "1"}, [(1.0, "10"), (2.0, "NaN")])


def test_the_same_values_agree_whatever_the_order_and_the_name() -> None:
    two = ({"a": "2"}, [(1.0, "5")])
    assert compare(matrix(ONE, two), matrix(two, ({"a": "1"}, [(1.0, "10"), (2.0, "NaN")]))).agrees


def test_sums_in_another_order_agree() -> None:
    assert compare(matrix(({}, [(1.0, "0.3")])), matrix(({}, [(1.0, "0.30000000000000004")]))).agrees


def test_another_value_does_not_agree() -> None:
    difference = compare(matrix(ONE), matrix(({"a": "1"}, [(1.0, "11"), (2.0, "NaN")])))
    assert not difference.agrees
    assert "values differ by up to 0.091" == str(difference)


def test_a_number_instead_of_nan_does_not_agree() -> None:
    assert not compare(matrix(ONE), matrix(({"a": "1"}, [(1.0, "10"), (2.0, "1")]))).agrees


def test_missing_points_and_series_do_not_agree() -> None:
    assert "1 of 2 points are missing there, 0 here" == str(
        compare(matrix(ONE), matrix(({"a": "1"}, [(1.0, "10")])))
    )
    assert "2 of 2 points are missing there, 1 here" == str(
        compare(matrix(ONE), matrix(({"a": "2"}, [(1.0, "10")])))
    )
