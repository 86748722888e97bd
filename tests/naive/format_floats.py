"""How Prometheus writes numbers, from Python's own shortest digits."""

from __future__ import annotations

import math
from decimal import Decimal


def format_value(value: float) -> str:
    """Return a sample value as Prometheus' JSON writes it, without the quotes."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    digits, exponent = format(Decimal(repr(value)).normalize(), "e").split("e")
    return f"{digits}e{exponent[0]}{exponent[1:].zfill(2)}"


def format_time(time_ms: int) -> str:
    """Return Unix milliseconds as seconds, with three decimals unless they are whole."""
    seconds, thousandths = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{seconds}" + (f".{thousandths:03}" if thousandths else "")
