"""Durations in Prometheus' notation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.durations import format_duration, parse_duration
from bongsu.model.errors import InvalidInput


@given(st.integers(min_value=0, max_value=2**63 // 1_000_000))
def test_format_and_parse_are_inverse(ms: int) -> None:
    assert ms == parse_duration(format_duration(ms))


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("15s", 15_000),
        ("1h30m", 5_400_000),
        ("1y", 31_536_000_000),
        ("1w", 604_800_000),
        ("5ms", 5),
    ],
)
def test_each_unit_has_its_length(text: str, ms: int) -> None:
    assert ms == parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "m", "1m1h", "1m1m", "-1s", "1.5h", "1 h", "300000000y", "1s\n"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0s"), (8 * 86_400_000, "8d"), (14 * 86_400_000, "2w"), (-90_000, "-1m30s")]
)
def test_formatting_reads_as_people_write(ms: int, text: str) -> None:
    assert text == format_duration(ms)
