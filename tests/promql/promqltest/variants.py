"""
Other ways to ask the same question, which must give the same answer.

Every selector of an instant query may be pinned to its time with `@`; then the time of evaluation doesn't matter.
"""

from __future__ import annotations

import dataclasses

from bongsu.promql.errors import ParseError
from bongsu.promql.parser import parse, to_text
from bongsu.promql.parser.ast import (
    Aggregate,
    AtBound,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)

_TIME_FUNCTIONS = frozenset(
    [
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
        "predict_linear",
        "time",
        "timestamp",
        "start",
        "end",
        "step",
        "range",
        "start_timestamp",
        "info",
    ]
)
"""Their value depends on the time of evaluation, pinned or not; `info` selects data of its own."""

_RANGE_FUNCTIONS = frozenset({"start", "end", "step", "range"})


def pinned(text: str, time_ms: int, features: frozenset[str]) -> str | None:
    """Return the query with every selector pinned to a time, or None where that changes its meaning."""
    try:
        expr = parse(text, features=features)
    except ParseError:
        return None
    return None if _depends_on_time(expr) else to_text(_pin(expr, time_ms))


def depends_on_range(text: str, features: frozenset[str]) -> bool:
    """Tell whether a query asks for the ends or the step of its own range, which an instant query has not."""
    return any(map(_asks_for_range, _parts(parse(text, features=features))))


def pinned_times(time_ms: int) -> list[int]:
    """Return the times at which a query pinned to `time_ms` is asked."""
    return [-1000, 0, 1000] if time_ms == 0 else [-10 * time_ms, 0, time_ms // 5, time_ms, 10 * time_ms]


def _depends_on_time(expr: Expr) -> bool:
    return any(isinstance(part, Call) and part.function.name in _TIME_FUNCTIONS for part in _parts(expr))


def _asks_for_range(expr: Expr) -> bool:
    match expr:
        case Call():
            return expr.function.name in _RANGE_FUNCTIONS
        case VectorSelector():
            return isinstance(expr.at, AtBound) or not isinstance(expr.offset, int)
        case MatrixSelector():
            return _asks_for_range(expr.selector) or not isinstance(expr.range, int)
        case Subquery():
            durations = (expr.range, expr.offset, expr.step or 0)
            return isinstance(expr.at, AtBound) or not all(isinstance(part, int) for part in durations)
        case _:
            return False


def _parts(expr: Expr) -> list[Expr]:
    return [expr, *(part for operand in _operands(expr) for part in _parts(operand))]


def _operands(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case Paren() | Unary() | Subquery():
            return (expr.expr,)
        case Binary():
            return (expr.lhs, expr.rhs)
        case Aggregate():
            return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
        case Call():
            return expr.args
        case _:
            return ()


def _pin(expr: Expr, time_ms: int) -> Expr:
    match expr:
        case VectorSelector():
            return _pin_selector(expr, time_ms)
        case MatrixSelector():
            return dataclasses.replace(expr, selector=_pin_selector(expr.selector, time_ms))
        case Subquery():
            # The selectors inside are asked at the subquery's own steps.
            return dataclasses.replace(expr, at=time_ms) if expr.at is None else expr
        case Paren() | Unary():
            return dataclasses.replace(expr, expr=_pin(expr.expr, time_ms))
        case Binary():
            return dataclasses.replace(expr, lhs=_pin(expr.lhs, time_ms), rhs=_pin(expr.rhs, time_ms))
        case Aggregate():
            param = None if expr.param is None else _pin(expr.param, time_ms)
            return dataclasses.replace(expr, expr=_pin(expr.expr, time_ms), param=param)
        case Call():
            return dataclasses.replace(expr, args=tuple(_pin(arg, time_ms) for arg in expr.args))
        case _:
            return expr


def _pin_selector(selector: VectorSelector, time_ms: int) -> VectorSelector:
    return selector if selector.at is not None else dataclasses.replace(selector, at=time_ms)
