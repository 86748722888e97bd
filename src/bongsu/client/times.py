"""Moments and spans as people and programs write them."""

from __future__ import annotations

from datetime import datetime, timedelta

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

Moment = datetime | float | str
"""An aware `datetime`, Unix seconds, RFC 3339, ``now``, or a time before now such as ``-1h``."""

Span = timedelta | float | str
"""A `timedelta`, seconds, or a duration such as ``1m30s``."""


def moment_ms(moment: Moment, now_ms: int) -> int:
    """
    Return Unix milliseconds.

    Raises
    ------
    InvalidInput
        If it cannot be read, or has no time zone.
    """
    if isinstance(moment, str):
        return _text_ms(moment.strip(), now_ms)
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InvalidInput(
                f"{moment!r} has no time zone; make it with one, as in datetime.now(UTC)", id="bad-time"
            )
        return round(moment.timestamp() * 1000)
    return round(moment * 1000)


def span_ms(span: Span) -> int:
    """
    Return milliseconds.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    if isinstance(span, timedelta):
        return round(span.total_seconds() * 1000)
    if isinstance(span, str):
        number = _number(span)
        return parse_duration(span) if number is None else round(number * 1000)
    return round(span * 1000)


def _text_ms(text: str, now_ms: int) -> int:
    if text == "now":
        return now_ms
    number = _number(text)
    if number is not None:
        return round(number * 1000)
    try:
        if text.startswith("-"):
            return now_ms - parse_duration(text[1:])
        return moment_ms(datetime.fromisoformat(text), now_ms)
    except ValueError:
        pass
    except InvalidInput as error:
        raise InvalidInput(f"cannot read the time {text!r}: {error.message}", id="bad-time") from error
    raise InvalidInput(
        f"cannot read the time {text!r}; write Unix seconds, RFC 3339 (2030-01-31T12:00:00Z), now, or a time before it (-1h)",
        id="bad-time",
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
