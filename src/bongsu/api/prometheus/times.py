"""Times and durations as the Prometheus API writes them; milliseconds inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

MAX_TIME_MS = 2**62
"""Times are held within ±146 million years, so that adding a range to one cannot overflow; nothing is stored out there."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_EXTREMES = {
    # The least and the greatest time that Prometheus' clients can hold; they send them to mean "all time".
    "-292273086-05-16T16:47:06Z": -MAX_TIME_MS,
    "292277025-08-18T07:12:54.999999999Z": MAX_TIME_MS,
}
_USUAL_DIGITS = 12
"""Digits of seconds that are read without the arithmetic of decimals: 30,000 years."""

_MAX_DURATION_MS = 2**63 // 1_000_000
"""Prometheus keeps durations in int64 nanoseconds."""


def parse_time(name: str, text: str) -> int:
    """
    Return the Unix milliseconds of seconds with decimals (rounded) or of an RFC 3339 time (cut).

    Raises
    ------
    InvalidInput
        If `text` is neither; the error names the parameter `name`.
    """
    if _NUMBER.fullmatch(text):
        return max(-MAX_TIME_MS, min(MAX_TIME_MS, _milliseconds(text)))
    if text in _EXTREMES:
        return _EXTREMES[text]
    match = _RFC_3339.fullmatch(text)
    time_ms = None if match is None else _calendar_ms(match)
    if time_ms is None:
        raise InvalidInput(
            f'invalid parameter "{name}": cannot parse "{text[:80]}" to a valid timestamp; '
            "send Unix seconds, such as 1435781451.781, or RFC 3339, such as 2015-07-01T20:10:51.781Z",
            id="invalid-parameter",
        )
    return time_ms


def parse_duration_ms(name: str, text: str) -> int:
    """
    Return the milliseconds of seconds with decimals (rounded) or of a Prometheus duration; it may be negative.

    Raises
    ------
    InvalidInput
        If `text` is neither, or over 292 years; the error names the parameter `name`.
    """
    if not _NUMBER.fullmatch(text):
        try:
            return parse_duration(text)
        except InvalidInput as error:
            raise _bad_duration(name, text, "") from error
    duration_ms = _milliseconds(text)
    if abs(duration_ms) > _MAX_DURATION_MS:
        raise _bad_duration(name, text, ". It overflows int64")
    return duration_ms


def _bad_duration(name: str, text: str, cause: str) -> InvalidInput:
    return InvalidInput(
        f'invalid parameter "{name}": cannot parse "{text[:80]}" to a valid duration{cause}; '
        "send seconds, such as 15 or 0.5, or a duration, such as 1h30m",
        id="invalid-parameter",
    )


def _milliseconds(text: str) -> int:
    """Return seconds as milliseconds, rounded; exact for every number of digits."""
    whole, _, decimals = text.partition(".")
    if len(decimals) <= 3 and len(whole) <= _USUAL_DIGITS and f"{whole}{decimals}".isdigit() and whole:
        return int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return int((Decimal(text) * 1000).to_integral_value())


def _calendar_ms(match: re.Match[str]) -> int | None:
    day, clock, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * 1000 + int((fraction or "0").ljust(3, "0")[:3])
