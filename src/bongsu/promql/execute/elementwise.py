"""Functions that turn every float of a vector into another, one by one; histograms have no such image and go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.samples import KIND_ABSENT
from bongsu.promql.execute.shape import drop_names, floats_only, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bongsu.promql.execute.context import Context
    from bongsu.promql.values import Scalar, Vector


def _sign(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values > 0, 1.0, np.where(values < 0, -1.0, values))


MATH: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": _sign,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "deg": lambda values: values * 180 / np.pi,
    "rad": lambda values: values * np.pi / 180,
}
"""Functions of one vector."""


def apply_math(name: str, vector: Vector, context: Context) -> Vector:
    """Return a function of `MATH` of every float."""
    return mapped(vector, MATH[name], context)


def mapped(
    vector: Vector, function: Callable[[NDArray[np.float64]], NDArray[np.float64]], context: Context
) -> Vector:
    """Return the vector with `function` applied to the matrix and the names dropped."""
    vector = floats_only(vector)
    with np.errstate(all="ignore"):
        values = function(vector.values)
    return drop_names(replace(vector, values=values, ordered=False), context)


def smaller(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the minimum as Go has it: -Inf wins over NaN, and NaN over all others."""
    return np.where((left == -np.inf) | (right == -np.inf), -np.inf, np.minimum(left, right))


def larger(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the maximum as Go has it: +Inf wins over NaN, and NaN over all others."""
    return np.where((left == np.inf) | (right == np.inf), np.inf, np.maximum(left, right))


def round_to(vector: Vector, nearest: Scalar | None, context: Context) -> Vector:
    """Round to multiples of `nearest`, halves up."""
    # The inverse is used as Prometheus does, so that round(x, 0.1) gives the same bits.
    with np.errstate(all="ignore"):
        inverse = 1.0 if nearest is None else 1.0 / nearest.values
    return mapped(vector, lambda values: np.floor(values * inverse + 0.5) / inverse, context)


def clamp(vector: Vector, lowest: Scalar | None, highest: Scalar | None, context: Context) -> Vector:
    """Limit the values; where the bounds cross there is no result."""

    def limited(values: NDArray[np.float64]) -> NDArray[np.float64]:
        if highest is not None:
            values = smaller(values, highest.values)
        return values if lowest is None else larger(values, lowest.values)

    if lowest is not None and highest is not None and (crossed := highest.values < lowest.values).any():
        # Before the names go: series without results cannot collide.
        kinds = np.where(crossed, KIND_ABSENT, vector.kind_matrix()).astype(np.uint8)
        vector = prune(replace(vector, kinds=kinds))
    return mapped(vector, limited, context)


_SECONDS_LIMIT = 2.0**63
"""Times are int64 seconds."""

_NO_TIME = {
    "minute": 30.0, "hour": 15.0, "day_of_week": 0.0, "day_of_month": 4.0, "day_of_year": 339.0, "days_in_month": 31.0,
    "month": 12.0, "year": 292_277_026_596.0,
}  # fmt: skip
"""What Prometheus answers for NaN and for what is too large: they become the lowest int64, whose date wraps around to this one."""


def _calendar(values: NDArray[np.float64]) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    valid = np.abs(values) < _SECONDS_LIMIT
    return np.where(valid, values, 0).astype(np.int64).astype("datetime64[s]"), valid


def _month_length(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    month = times.astype("datetime64[M]")
    result: NDArray[np.float64] = (
        (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    ).astype(np.float64)
    return result


DATES: Mapping[str, Callable[[NDArray[np.datetime64]], NDArray[np.float64]]] = {
    "minute": lambda t: (t.astype("datetime64[m]").astype(np.int64) % 60).astype(np.float64),
    "hour": lambda t: (t.astype("datetime64[h]").astype(np.int64) % 24).astype(np.float64),
    # Day 0 of the Unix epoch was a Thursday, which is number 4.
    "day_of_week": lambda t: ((t.astype("datetime64[D]").astype(np.int64) + 4) % 7).astype(np.float64),
    "day_of_month": lambda t: (t.astype("datetime64[D]") - t.astype("datetime64[M]")).astype(np.float64) + 1,
    "day_of_year": lambda t: (t.astype("datetime64[D]") - t.astype("datetime64[Y]")).astype(np.float64) + 1,
    "days_in_month": _month_length,
    "month": lambda t: (t.astype("datetime64[M]").astype(np.int64) % 12 + 1).astype(np.float64),
    "year": lambda t: (t.astype("datetime64[Y]").astype(np.int64) + 1970).astype(np.float64),
}
"""Functions of Unix seconds that look at the calendar, in UTC."""


def apply_date(name: str, vector: Vector, context: Context) -> Vector:
    """Return a function of `DATES` of every float."""

    def of_calendar(values: NDArray[np.float64]) -> NDArray[np.float64]:
        times, valid = _calendar(values)
        return np.where(valid, DATES[name](times), _NO_TIME[name]).astype(np.float64)

    return mapped(vector, of_calendar, context)
