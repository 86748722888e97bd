"""Durations in Prometheus' notation (`1h30m`), as integer milliseconds."""

from __future__ import annotations

import re

from bongsu.model.errors import InvalidInput

_UNIT_MS = {
    "y": 365 * 86_400_000,  # a year is 365 days, as in Prometheus
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_PATTERN = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_MAX_MS = 2**63 // 1_000_000  # Prometheus keeps durations in int64 nanoseconds


def parse_duration(text: str) -> int:
    """
    Return the milliseconds of a duration such as ``15s`` or ``1h30m``; ``0`` stands for itself.

    Raises
    ------
    InvalidInput
        If a unit is unknown, repeated or out of order, or the total exceeds about 292 years.
    """
    if text == "0":
        return 0
    match = _PATTERN.fullmatch(text)
    if not text or match is None:
        raise InvalidInput(
            f"not a valid duration: {text!r}; write units y w d h m s ms, largest first, as in '1h30m'",
            id="bad-duration",
        )
    total = sum(
        int(digits) * unit for digits, unit in zip(match.groups(), _UNIT_MS.values(), strict=True) if digits
    )
    if total > _MAX_MS:
        raise InvalidInput(f"duration out of range: {text!r} is over 292 years", id="bad-duration")
    return total


def format_duration(ms: int) -> str:
    """Return the shortest exact Prometheus notation of `ms` milliseconds; weeks and years only when they divide."""
    if ms == 0:
        return "0s"
    if ms < 0:
        return "-" + format_duration(-ms)
    parts: list[str] = []
    for unit, size in _UNIT_MS.items():
        # 8d reads better than 1w1d, and 400d better than 1y5w: these units stand alone or not at all.
        if unit in {"y", "w"} and ms % size:
            continue
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
