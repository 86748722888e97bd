"""
Grammar of durations: literals, and expressions with ``step()``, ``range()``, ``min_of`` and ``max_of``.

Precedence from high: ``^`` (right-associative); signs, ``* / %``; ``+ -``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.durations import parse_duration
from bongsu.promql.parser.ast import (
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationFunction,
    DurationNumber,
    DurationOp,
    DurationParen,
    DurationSign,
    UnaryOp,
)
from bongsu.promql.parser.durations import milliseconds
from bongsu.promql.parser.lexer import Kind, Token, parse_number

if TYPE_CHECKING:
    from bongsu.promql.parser.cursor import Cursor

_EXPECTED = "number, duration, step(), or range()"
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_SIGN_PRECEDENCE = 2


def literal_value(token: Token) -> float:
    """Return the value of a number token, or the seconds of a duration token."""
    if token.kind is Kind.DURATION:
        return parse_duration(token.text) / 1000
    value = parse_number(token.text)
    if value is None:
        raise AssertionError(f"BUG: the lexer let the number {token.text!r} pass")
    return value


def parse_range(cursor: Cursor) -> Duration:
    """Read the range or the resolution inside brackets: positive, any expression."""
    expr = _expression(cursor, 1, "subquery or range selector")
    if not isinstance(expr, DurationNumber):
        return expr
    ms = _in_range(cursor, expr)
    if ms <= 0:
        raise cursor.error("duration must be greater than 0", expr.span)
    return ms


def parse_offset(cursor: Cursor) -> Duration:
    """Read what follows ``offset``: a literal or a call, signed or not, or an expression in parentheses."""
    start = cursor.token.start
    negative = False
    while (sign := cursor.accept("+", "-")) is not None:
        negative ^= sign.value == "-"
    operand = _operand(cursor, "offset")
    if isinstance(operand, DurationNumber):
        ms = _in_range(cursor, operand)
        return -ms if negative else ms
    return DurationSign(UnaryOp.MINUS, operand, span=cursor.since(start)) if negative else operand


def _in_range(cursor: Cursor, number: DurationNumber) -> int:
    ms = milliseconds(number.seconds)
    if ms is None:
        raise cursor.error("duration out of range", number.span)
    return ms


def _expression(cursor: Cursor, lowest: int, context: str) -> DurationExpr:
    start = cursor.token.start
    expr = _signed(cursor, context)
    while (precedence := _PRECEDENCE.get(cursor.token.value, 0)) >= lowest:
        op = DurationOp(cursor.advance().value)
        with cursor.nested():
            rhs = _expression(cursor, precedence if op is DurationOp.POW else precedence + 1, context)
        expr = DurationBinary(op, expr, rhs, span=cursor.since(start))
    return expr


def _signed(cursor: Cursor, context: str) -> DurationExpr:
    start = cursor.token.start
    sign = cursor.accept("+", "-")
    if sign is None:
        return _operand(cursor, context)
    with cursor.nested():
        operand = _expression(cursor, _SIGN_PRECEDENCE + 1, context)
    if isinstance(operand, DurationNumber):
        seconds = -operand.seconds if sign.value == "-" else operand.seconds
        return DurationNumber(seconds, operand.is_duration, span=cursor.since(start))
    return operand if sign.value == "+" else DurationSign(UnaryOp.MINUS, operand, span=cursor.since(start))


def _operand(cursor: Cursor, context: str) -> DurationExpr:
    token = cursor.token
    if token.kind in {Kind.NUMBER, Kind.DURATION}:
        cursor.advance()
        return DurationNumber(literal_value(token), token.kind is Kind.DURATION, span=token.span)
    if cursor.accept("("):
        with cursor.nested():
            inner = _expression(cursor, 1, context)
        cursor.expect(")", context=context)
        return (
            inner
            if isinstance(inner, DurationNumber)
            else DurationParen(inner, span=cursor.since(token.start))
        )
    if token.kind is Kind.KEYWORD and token.value in set(DurationFunction):
        return _call(cursor, context)
    raise cursor.unexpected(context, _EXPECTED)


def _call(cursor: Cursor, context: str) -> DurationCall:
    name = cursor.advance()
    function = DurationFunction(name.value)
    cursor.expect("(", context=context)
    args: tuple[DurationExpr, ...] = ()
    if function in {DurationFunction.MIN_OF, DurationFunction.MAX_OF}:
        with cursor.nested():
            first = _expression(cursor, 1, context)
            cursor.expect(",", context=context)
            args = (first, _expression(cursor, 1, context))
    cursor.expect(")", context=context)
    return DurationCall(function, args, span=cursor.since(name.start))
