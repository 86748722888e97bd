"""
From a syntax tree back to text: on one line, or over several lines as ``format_query`` answers.

``parse(to_text(expr)) == expr`` for every tree that the parser makes, up to the order of matchers, which the text sorts.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from bongsu.model.durations import format_duration
from bongsu.model.labels import is_legacy_label, is_legacy_metric
from bongsu.promql.parser.ast import (
    Aggregate,
    AtBound,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationNumber,
    DurationParen,
    DurationSign,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from bongsu.promql.parser.strings import quote

if TYPE_CHECKING:
    from bongsu.model.matchers import Matcher

_LINE_LENGTH = 100
"""Longer expressions are split over lines, as in Prometheus."""

_QUOTED_METRICS = frozenset({"bool", "on", "ignoring", "group_left", "group_right", "atan2", "inf", "nan"})
"""Reserved words that cannot be a bare metric name."""

_QUOTED_LABELS = frozenset({"inf", "nan"})
"""Numbers to the lexer wherever it is not inside braces."""


def to_text(expr: Expr) -> str:
    """Return the expression on one line, in canonical form."""
    match expr:
        case NumberLiteral():
            return _number(expr)
        case StringLiteral():
            return quote(expr.value)
        case Paren():
            return f"({to_text(expr.expr)})"
        case Unary():
            return f"{expr.op}{to_text(expr.expr)}"
        case VectorSelector():
            return _series(expr) + _selector_suffix(expr)
        case MatrixSelector():
            return f"{_series(expr.selector)}[{_duration(expr.range)}]{_selector_suffix(expr.selector)}"
        case Subquery():
            return to_text(expr.expr) + _subquery_suffix(expr)
        case Binary():
            return f"{_power_base(expr)} {_operator(expr)} {to_text(expr.rhs)}"
        case Aggregate():
            param = "" if expr.param is None else f"{to_text(expr.param)}, "
            return f"{_aggregation(expr)}({param}{to_text(expr.expr)})"
        case Call():
            return f"{expr.function.name}({', '.join(map(to_text, expr.args))})"


def format_query(expr: Expr, *, level: int = 0) -> str:
    """Return the expression with its long parts split over lines, two blanks of indentation a level."""
    indent = "  " * level
    line = to_text(expr)
    if len(line) <= _LINE_LENGTH:
        return indent + line
    match expr:
        case Paren():
            return f"{indent}(\n{format_query(expr.expr, level=level + 1)}\n{indent})"
        case Unary():
            return f"{indent}{expr.op}{format_query(expr.expr, level=level).strip()}"
        case Subquery():
            return format_query(expr.expr, level=level) + _subquery_suffix(expr)
        case Binary():
            lhs = format_query(expr.lhs, level=level + 1)
            return f"{lhs}\n{indent}{_operator(expr)}\n{format_query(expr.rhs, level=level + 1)}"
        case Aggregate():
            operands = [expr.expr] if expr.param is None else [expr.param, expr.expr]
            return _split_call(_aggregation(expr), operands, level)
        case Call():
            return _split_call(expr.function.name, expr.args, level)
        case _:
            return indent + line


def number_text(value: float) -> str:
    """Return a number with all its digits and no exponent, as Prometheus prints literals."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _number(number: NumberLiteral) -> str:
    return format_duration(round(number.value * 1000)) if number.is_duration else number_text(number.value)


def _power_base(binary: Binary) -> str:
    """Return the left operand; a sign before the base of a power would be read as one before the whole power."""
    text = to_text(binary.lhs)
    return text.removeprefix("+") if binary.op is BinaryOp.POW and text == "+Inf" else text


def _split_call(head: str, operands: tuple[Expr, ...] | list[Expr], level: int) -> str:
    indent = "  " * level
    inside = ",\n".join(format_query(operand, level=level + 1) for operand in operands)
    return f"{indent}{head}(\n{inside}\n{indent})"


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(
        name if is_legacy_label(name) and name.lower() not in _QUOTED_LABELS else quote(name)
        for name in names
    )


def _series(selector: VectorSelector) -> str:
    is_bare = is_legacy_metric(selector.name) and selector.name.lower() not in _QUOTED_METRICS
    parts = [] if is_bare or not selector.name else [quote(selector.name)]
    # In order of their text, as in Prometheus: the same condition is written in one way.
    parts += sorted(map(_matcher, selector.matchers[:-1] if selector.name else selector.matchers))
    bare_name = selector.name if is_bare else ""
    return f"{bare_name}{{{','.join(parts)}}}" if parts or not bare_name else bare_name


def _matcher(matcher: Matcher) -> str:
    name = matcher.name if is_legacy_label(matcher.name) else quote(matcher.name)
    return f"{name}{matcher.op.value}{quote(matcher.value)}"


def _selector_suffix(selector: VectorSelector) -> str:
    extent = "" if selector.extent is None else f" {selector.extent}"
    return extent + _shift(selector)


def _subquery_suffix(subquery: Subquery) -> str:
    step = "" if subquery.step is None else _duration(subquery.step)
    return f"[{_duration(subquery.range)}:{step}]{_shift(subquery)}"


def _shift(node: VectorSelector | Subquery) -> str:
    at = ""
    if isinstance(node.at, AtBound):
        at = f" @ {node.at}()"
    elif node.at is not None:
        at = f" @ {'-' if node.at < 0 else ''}{abs(node.at) // 1000}.{abs(node.at) % 1000:03}"
    return at if node.offset == 0 else f"{at} offset {_duration(node.offset)}"


def _aggregation(aggregate: Aggregate) -> str:
    if aggregate.without:
        return f"{aggregate.op} without ({_labels(aggregate.grouping)}) "
    return f"{aggregate.op} by ({_labels(aggregate.grouping)}) " if aggregate.grouping else aggregate.op.value


def _operator(binary: Binary) -> str:
    return (
        binary.op
        + (" bool" if binary.return_bool else "")
        + (_matching(binary.matching) if binary.matching else "")
    )


def _matching(matching: VectorMatching) -> str:
    text = ""
    grouped = matching.card in {Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY}
    if matching.on or matching.labels or grouped:
        text = f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if grouped:
        side = "left" if matching.card is Cardinality.MANY_TO_ONE else "right"
        text += f" group_{side} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and right is not None and number_text(left) == number_text(right):
        return f"{text} fill ({number_text(left)})"
    text += "" if left is None else f" fill_left ({number_text(left)})"
    return text + ("" if right is None else f" fill_right ({number_text(right)})")


def _duration(duration: Duration) -> str:
    return format_duration(duration) if isinstance(duration, int) else duration_text(duration)


def duration_text(duration: DurationExpr) -> str:
    """Return a duration expression as text."""
    match duration:
        case DurationNumber():
            if duration.is_duration:
                return format_duration(round(duration.seconds * 1000))
            return number_text(duration.seconds)
        case DurationSign():
            return f"{duration.op}{duration_text(duration.expr)}"
        case DurationParen():
            return f"({duration_text(duration.expr)})"
        case DurationCall():
            return f"{duration.function}({', '.join(map(duration_text, duration.args))})"
        case DurationBinary():
            return f"{duration_text(duration.lhs)} {duration.op} {duration_text(duration.rhs)}"
