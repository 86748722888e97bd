"""Resolution of duration expressions: once the step and the range of a query are known, they are milliseconds."""

from __future__ import annotations

import dataclasses
import math

from bongsu.promql.errors import ParseError
from bongsu.promql.parser.ast import (
    Aggregate,
    Binary,
    Call,
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationFunction,
    DurationNumber,
    DurationOp,
    DurationParen,
    DurationSign,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    UnaryOp,
    VectorSelector,
)

_MAX_SECONDS = (2**63 - 1) / 1e9
"""Prometheus keeps durations in int64 nanoseconds."""


def milliseconds(seconds: float) -> int | None:
    """Return the whole milliseconds of a literal, None when out of range."""
    if not abs(seconds) <= _MAX_SECONDS:
        return None
    # To microseconds first: the float nearest to 8965951.177 s is a trace below it.
    return math.trunc(round(seconds * 1e6) / 1000)


def resolve_durations(expr: Expr, *, step_ms: int, range_ms: int, text: str = "") -> Expr:
    """
    Return `expr` with every duration in milliseconds.

    Parameters
    ----------
    step_ms, range_ms
        What ``step()`` and ``range()`` stand for; both are 0 in an instant query.
    text
        The query, for the positions of errors.

    Raises
    ------
    ParseError
        If a duration is not a number or out of range, or a range or resolution is not positive.
    """
    return _Resolver(step_ms / 1000, range_ms / 1000, text).expr(expr)


class _Resolver:
    def __init__(self, step_s: float, range_s: float, text: str) -> None:
        self._step_s = step_s
        self._range_s = range_s
        self._text = text

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Paren() | Unary():
                inner = self.expr(expr.expr)
                return expr if inner is expr.expr else dataclasses.replace(expr, expr=inner)
            case VectorSelector():
                return expr if isinstance(expr.offset, int) else self._shifted(expr)
            case MatrixSelector():
                return self._matrix(expr)
            case Subquery():
                return self._subquery(expr)
            case Binary():
                lhs, rhs = self.expr(expr.lhs), self.expr(expr.rhs)
                same = lhs is expr.lhs and rhs is expr.rhs
                return expr if same else dataclasses.replace(expr, lhs=lhs, rhs=rhs)
            case Aggregate():
                inner, param = self.expr(expr.expr), None if expr.param is None else self.expr(expr.param)
                same = inner is expr.expr and param is expr.param
                return expr if same else dataclasses.replace(expr, expr=inner, param=param)
            case Call():
                args = tuple(map(self.expr, expr.args))
                same = all(new is old for new, old in zip(args, expr.args, strict=True))
                return expr if same else dataclasses.replace(expr, args=args)
            case _:
                return expr

    def _shifted(self, selector: VectorSelector) -> VectorSelector:
        return dataclasses.replace(selector, offset=self._duration(selector.offset))

    def _matrix(self, matrix: MatrixSelector) -> MatrixSelector:
        selector = matrix.selector
        if isinstance(selector.offset, int) and isinstance(matrix.range, int):
            return matrix
        return dataclasses.replace(
            matrix, selector=self._shifted(selector), range=self._duration(matrix.range, positive=True)
        )

    def _subquery(self, subquery: Subquery) -> Subquery:
        step = None if subquery.step is None else self._duration(subquery.step, positive=True)
        return dataclasses.replace(
            subquery,
            expr=self.expr(subquery.expr),
            range=self._duration(subquery.range, positive=True),
            step=step,
            offset=self._duration(subquery.offset),
        )

    def _duration(self, duration: Duration, *, positive: bool = False) -> int:
        if isinstance(duration, int):
            return duration
        seconds = self._seconds(duration)
        if not abs(seconds) <= _MAX_SECONDS:
            raise self._error("duration is out of range", duration)
        ms = math.trunc(seconds * 1000)  # as in Prometheus, where 20s / 3 is 6666 ms
        if positive and ms <= 0:
            raise self._error("duration must be greater than 0", duration)
        return ms

    def _error(self, detail: str, duration: DurationExpr) -> ParseError:
        return ParseError(detail, text=self._text, span=duration.span)

    def _seconds(self, duration: DurationExpr) -> float:
        match duration:
            case DurationNumber():
                return duration.seconds
            case DurationParen():
                return self._seconds(duration.expr)
            case DurationSign():
                value = self._seconds(duration.expr)
                return -value if duration.op is UnaryOp.MINUS else value
            case DurationCall():
                return self._called(duration)
            case DurationBinary():
                return self._combined(duration)

    def _called(self, call: DurationCall) -> float:
        match call.function:
            case DurationFunction.STEP:
                return self._step_s
            case DurationFunction.RANGE:
                return self._range_s
            case DurationFunction.MIN_OF:
                return min(map(self._seconds, call.args))
            case DurationFunction.MAX_OF:
                return max(map(self._seconds, call.args))

    def _combined(self, binary: DurationBinary) -> float:
        lhs, rhs = self._seconds(binary.lhs), self._seconds(binary.rhs)
        match binary.op:
            case DurationOp.ADD:
                return lhs + rhs
            case DurationOp.SUB:
                return lhs - rhs
            case DurationOp.MUL:
                return lhs * rhs
            case DurationOp.POW:
                return self._power(lhs, rhs, binary)
            case DurationOp.DIV:
                if rhs == 0:
                    raise self._error("division by zero", binary)
                return lhs / rhs
            case DurationOp.MOD:
                if rhs == 0:
                    raise self._error("modulo by zero", binary)
                return math.fmod(lhs, rhs)

    def _power(self, base: float, exponent: float, binary: DurationBinary) -> float:
        try:
            return math.pow(base, exponent)
        except (OverflowError, ValueError) as error:
            raise self._error("duration is out of range", binary) from error
