"""A syntax tree as plain data, in the shape that Prometheus' ``parse_query`` answers."""

from __future__ import annotations

from typing import TypeAlias

from bongsu.promql.parser.ast import (
    Aggregate,
    AtBound,
    Binary,
    Call,
    Duration,
    Expr,
    Extent,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from bongsu.promql.parser.printer import duration_text, number_text

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | int | bool | None"


def to_json(expr: Expr) -> dict[str, Json]:
    """Return the tree as nested maps; durations and times in milliseconds, bytes that are not UTF-8 replaced."""
    match expr:
        case NumberLiteral():
            return {"type": "numberLiteral", "val": number_text(expr.value)}
        case StringLiteral():
            return {
                "type": "stringLiteral",
                "val": expr.value.encode(errors="surrogateescape").decode(errors="replace"),
            }
        case Paren():
            return {"type": "parenExpr", "expr": to_json(expr.expr)}
        case Unary():
            return {"type": "unaryExpr", "op": expr.op.value, "expr": to_json(expr.expr)}
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(expr)}
        case MatrixSelector():
            return {"type": "matrixSelector", **_selector(expr.selector), **_duration("range", expr.range)}
        case Subquery():
            return _subquery(expr)
        case Binary():
            return _binary(expr)
        case Aggregate():
            return _aggregate(expr)
        case Call():
            return _call(expr)


def _duration(name: str, duration: Duration) -> dict[str, Json]:
    """Return milliseconds; an expression, which has none before it runs, goes as text beside a null."""
    if isinstance(duration, int):
        return {name: duration}
    return {name: None, f"{name}Expr": duration_text(duration)}


def _shift(node: VectorSelector | Subquery) -> dict[str, Json]:
    is_bound = isinstance(node.at, AtBound)
    return {
        **_duration("offset", node.offset),
        "timestamp": None if is_bound else node.at,
        "startOrEnd": node.at if is_bound else None,
    }


def _selector(selector: VectorSelector) -> dict[str, Json]:
    matchers: list[Json] = [
        {"type": matcher.op.value, "name": matcher.name, "value": matcher.value}
        for matcher in selector.matchers
    ]
    return {
        "name": selector.name,
        "matchers": matchers,
        "anchored": selector.extent is Extent.ANCHORED,
        "smoothed": selector.extent is Extent.SMOOTHED,
        **_shift(selector),
    }


def _subquery(subquery: Subquery) -> dict[str, Json]:
    return {
        "type": "subquery",
        "expr": to_json(subquery.expr),
        **_duration("range", subquery.range),
        **_duration("step", 0 if subquery.step is None else subquery.step),
        **_shift(subquery),
    }


def _matching(matching: VectorMatching | None) -> Json:
    if matching is None:
        return None
    return {
        "card": matching.card.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }


def _binary(binary: Binary) -> dict[str, Json]:
    return {
        "type": "binaryExpr",
        "op": binary.op.value,
        "lhs": to_json(binary.lhs),
        "rhs": to_json(binary.rhs),
        "matching": _matching(binary.matching),
        "bool": binary.return_bool,
    }


def _aggregate(aggregate: Aggregate) -> dict[str, Json]:
    return {
        "type": "aggregation",
        "op": aggregate.op.value,
        "expr": to_json(aggregate.expr),
        "param": None if aggregate.param is None else to_json(aggregate.param),
        "grouping": list(aggregate.grouping),
        "without": aggregate.without,
    }


def _call(call: Call) -> dict[str, Json]:
    return {
        "type": "call",
        "func": {
            "name": call.function.name,
            "argTypes": [arg_type.value for arg_type in call.function.arg_types],
            "variadic": call.function.variadic,
            "returnType": call.function.return_type.value,
        },
        "args": [to_json(arg) for arg in call.args],
    }
