"""Moments and spans as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bongsu.client.times import Moment, Span, moment_ms, span_ms
from bongsu.model.errors import InvalidInput

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (1_600_000_000, 1_600_000_000_000),
        (1_600_000_000.25, 1_600_000_000_250),
        ("1600000000.25", 1_600_000_000_250),
        (datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), 1_600_000_000_000),
        ("2020-09-13T12:26:40Z", 1_600_000_000_000),
        ("2020-09-13T14:26:40+02:00", 1_600_000_000_000),
        ("now", NOW_MS),
        ("-1h30m", NOW_MS - 5_400_000),
        ("-5", -5_000),
    ],
)
def test_a_moment_can_be_written_in_several_ways(moment: Moment, expected: int) -> None:
    assert expected == moment_ms(moment, NOW_MS)


@pytest.mark.parametrize(
    "moment", ["yesterday", "-1parsec", "", "2020-09-13T12:26:40", datetime.fromisoformat("2020-09-13")]
)
def test_an_unclear_moment_is_refused(moment: Moment) -> None:
    with pytest.raises(InvalidInput):
        moment_ms(moment, NOW_MS)


@pytest.mark.parametrize(
    ("span", "expected"),
    [(15, 15_000), (0.5, 500), ("15", 15_000), ("1m30s", 90_000), (timedelta(minutes=2), 120_000)],
)
def test_a_span_can_be_written_in_several_ways(span: Span, expected: int) -> None:
    assert expected == span_ms(span)


def test_an_unclear_span_is_refused() -> None:
    with pytest.raises(InvalidInput):
        span_ms("a while")
