from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.api.prometheus.times import MAX_TIME_MS, parse_duration_ms, parse_time
from bongsu.model.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("4", 4000),
        ("1435781451.781", 1435781451781),
        ("1435781451.7816", 1435781451782),
        ("-1.5", -1500),
        ("1.5e9", 1_500_000_000_000),
        (".5", 500),
        ("1e300", MAX_TIME_MS),
        ("-9223309901257974.75", -MAX_TIME_MS),
        ("2015-07-01T20:10:51.781Z", 1435781451781),
        ("2015-07-01T20:10:51.781999999Z", 1435781451781),
        ("2015-07-01T22:10:51+02:00", 1435781451000),
        ("2015-07-01T18:40:51-01:30", 1435781451000),
        ("1969-12-31T23:59:59.5Z", -500),
        ("-292273086-05-16T16:47:06Z", -MAX_TIME_MS),
        ("292277025-08-18T07:12:54.999999999Z", MAX_TIME_MS),
    ],
)
def test_times_are_seconds_or_rfc_3339(text: str, expected: int) -> None:
    assert expected == parse_time("time", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "NaN",
        "Inf",
        "1_000",
        " 1",
        "2015-07-01",
        "2015-02-30T00:00:00Z",
        "2015-07-01T20:10:51",
        "1e",
        "٣",
    ],
)
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match='invalid parameter "start": cannot parse'):
        parse_time("start", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15", 15_000),
        ("0.5", 500),
        ("1.001", 1001),
        ("-1", -1000),
        ("1m30s", 90_000),
        ("1d", 86_400_000),
        ("0", 0),
    ],
)
def test_durations_are_seconds_or_prometheus_durations(text: str, expected: int) -> None:
    assert expected == parse_duration_ms("step", text)


@pytest.mark.parametrize("text", ["", "x", "1m1m", "1e300", "1s1m", "NaN", "-1m"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match='invalid parameter "step": cannot parse'):
        parse_duration_ms("step", text)


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - made UTC below
def test_every_calendar_time_is_read_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = (
        (moment - epoch).days * 86_400_000 + (moment - epoch).seconds * 1000 + moment.microsecond // 1000
    )

    assert expected == parse_time("time", text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_declared_error(text: str) -> None:
    for parse in (parse_time, parse_duration_ms):
        try:
            assert isinstance(parse("p", text), int)
        except InvalidInput as error:
            assert '"p"' in error.message  # noqa: PT017 - either outcome is fine


@given(st.from_regex(r"[+-]?([0-9]{1,14}\.?[0-9]{0,5}|\.[0-9]{1,4})", fullmatch=True))
def test_seconds_are_read_as_decimals(text: str) -> None:
    exact = int((Decimal(text) * 1000).to_integral_value())
    expected = max(-MAX_TIME_MS, min(MAX_TIME_MS, exact))

    assert expected == parse_time("time", text)


def test_a_time_of_thousands_of_digits_is_a_time() -> None:
    assert MAX_TIME_MS == parse_time("time", "9" * 5000)
