"""Times and ranges in the paths and parameters of the real-time application API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.durations import format_duration
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request

NO_STORE = {"Cache-Control": "no-store"}
"""A number is true for five seconds; no proxy may keep it."""

_MOST_DIGITS = 15
"""Of a time in milliseconds: thirty thousand years."""


def read_range(request: Request, *, longest_ms: int) -> tuple[int, int]:
    """Return ``{stime}`` and ``{etime}`` of a path in Unix milliseconds."""
    start_ms, end_ms = (read_time(request.path_params[name], name) for name in ("stime", "etime"))
    if not 0 <= end_ms - start_ms <= longest_ms:
        raise InvalidInput(
            f"the range from {start_ms} to {end_ms} ends before it begins or is longer than {format_duration(longest_ms)}; ask "
            "for less at once",
            id="invalid-parameter",
        )
    return start_ms, end_ms


def read_time(text: str, name: str) -> int:
    """Return a number of milliseconds."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(
            f"{name} is {text[:40]!r}; write milliseconds, such as 1700000000000", id="invalid-parameter"
        )
    return int(text)
