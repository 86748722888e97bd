from __future__ import annotations

from bongsu.promql.parser import parse, to_json
from bongsu.promql.parser.features import ALL_FEATURES

FOO = {
    "type": "vectorSelector",
    "name": "foo",
    "matchers": [{"type": "=", "name": "__name__", "value": "foo"}],
    "anchored": False,
    "smoothed": False,
    "offset": 0,
    "timestamp": None,
    "startOrEnd": None,
}


def json_of(text: str) -> object:
    return to_json(parse(text, features=ALL_FEATURES))


def test_selectors() -> None:
    assert FOO == json_of("foo")
    assert {**FOO, "offset": -60_000, "startOrEnd": "end"} == json_of("foo offset -1m @ end()")
    assert {
        **FOO,
        "type": "matrixSelector",
        "range": 300_000,
        "anchored": True,
        "timestamp": 1500,
    } == json_of("foo[5m] anchored @ 1.5")


def test_a_duration_expression_is_text_beside_a_null() -> None:
    assert {**FOO, "type": "matrixSelector", "range": None, "rangeExpr": "step() * 2"} == json_of(
        "foo[step()*2]"
    )


def test_subqueries() -> None:
    assert {
        "type": "subquery",
        "expr": FOO,
        "range": 300_000,
        "step": 0,
        "offset": 0,
        "timestamp": None,
        "startOrEnd": None,
    } == json_of("foo[5m:]")


def test_operators_and_literals() -> None:
    assert {
        "type": "binaryExpr",
        "op": ">",
        "lhs": {"type": "parenExpr", "expr": {"type": "unaryExpr", "op": "-", "expr": FOO}},
        "rhs": {"type": "numberLiteral", "val": "+Inf"},
        "matching": None,
        "bool": True,
    } == json_of("(-foo) > bool Inf")


def test_matching() -> None:
    found = json_of("foo * on(a) group_left(b) fill_right(0) foo")

    assert isinstance(found, dict)
    assert {
        "card": "many-to-one",
        "labels": ["a"],
        "on": True,
        "include": ["b"],
        "fillValues": {"lhs": None, "rhs": 0.0},
    } == found["matching"]


def test_calls_and_aggregations() -> None:
    assert {
        "type": "aggregation",
        "op": "count_values",
        "expr": {
            "type": "call",
            "func": {
                "name": "round",
                "argTypes": ["vector", "scalar"],
                "variadic": 1,
                "returnType": "vector",
            },
            "args": [FOO],
        },
        "param": {"type": "stringLiteral", "val": "x"},
        "grouping": ["a"],
        "without": True,
    } == json_of("count_values without(a) ('x', round(foo))")
