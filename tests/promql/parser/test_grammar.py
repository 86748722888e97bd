from __future__ import annotations

import pytest

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.parser import parse
from bongsu.promql.parser.ast import (
    Aggregate,
    AggregateOp,
    AtBound,
    Binary,
    Cardinality,
    Expr,
    Extent,
    MatrixSelector,
    Span,
    Subquery,
    Unary,
    UnaryOp,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from bongsu.promql.parser.features import ALL_FEATURES
from bongsu.promql.parser.functions import FUNCTIONS
from bongsu.promql.parser.grammar import parse_selector


def parsed(text: str) -> Expr:
    return parse(text, features=ALL_FEATURES)


def named(name: str, *matchers: Matcher) -> tuple[Matcher, ...]:
    return (*matchers, Matcher("__name__", MatchOp.EQUAL, name))


def shape(expr: Expr) -> str:
    """Write an expression with a parenthesis for every operator."""
    if isinstance(expr, Binary):
        return f"({shape(expr.lhs)} {expr.op} {shape(expr.rhs)})"
    if isinstance(expr, Unary):
        return f"({expr.op}{shape(expr.expr)})"
    return expr.name if isinstance(expr, VectorSelector) else "?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("-a ^ b", "(-(a ^ b))"),
        ("-a * b", "((-a) * b)"),
        ("a ^ -b ^ c * d", "((a ^ (-(b ^ c))) * d)"),
        ("a * b atan2 c % d / e", "((((a * b) atan2 c) % d) / e)"),
        ("a == b + c", "(a == (b + c))"),
        ("a < b >= c", "((a < b) >= c)"),
        ("a </ b >/ c", "((a </ b) >/ c)"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a and b or c == d", "((a and b) or (c == d))"),
        ("- + a", "(-(+a))"),
    ],
)
def test_precedence_and_associativity(text: str, expected: str) -> None:
    assert expected == shape(parsed(text))


def test_a_selector_has_its_matchers_in_order_and_its_name_last() -> None:
    expected = VectorSelector(
        "foo",
        named(
            "foo",
            Matcher("a", MatchOp.EQUAL, "1"),
            Matcher("b.c", MatchOp.NOT_EQUAL, ""),
            Matcher("sum", MatchOp.REGEX, "x|y"),
            Matcher("by", MatchOp.NOT_REGEX, "z"),
        ),
    )

    assert expected == parsed("foo{a='1', \"b.c\"!='', sum=~'x|y', by!~`z`,}")
    assert expected == parsed("{a='1', \"b.c\"!='', \"foo\", sum=~'x|y', by!~`z`}")


def test_a_metric_name_may_be_any_text_in_quotes_or_a_matcher() -> None:
    assert VectorSelector("a.b c", named("a.b c")) == parsed('{"a.b c"}')
    assert VectorSelector("", named("foo")) == parsed('{__name__="foo"}')
    assert parsed('{"foo"}') == parsed("foo")


@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "min",
        "count_values",
        "limitk",
        "by",
        "without",
        "offset",
        "anchored",
        "smoothed",
        "start",
        "end",
        "step",
        "range",
        "min_of",
        "max_of",
        "and",
        "or",
        "unless",
        "fill",
        "fill_left",
        "fill_right",
        ":x",
        "a:b",
        "Sum",
    ],
)
def test_keywords_are_metric_names_where_nothing_else_can_stand(name: str) -> None:
    assert VectorSelector(name, named(name)) == parsed(name)
    assert VectorSelector(name, named(name, Matcher("a", MatchOp.EQUAL, "b"))) == parsed(f"{name}{{a='b'}}")
    assert isinstance(parsed(f"{name} + {name}"), Binary)


def test_a_quoted_name_may_stand_beside_a_matcher_of_names() -> None:
    assert parsed('{"a.b", __name__=~"a.*"}') == parsed('{__name__=~"a.*", __name__="a.b"}')


def test_label_lists_take_colons() -> None:
    assert parsed('sum by ("a:b", ":c") (foo)') == parsed("sum by (a:b, :c) (foo)")


def test_keywords_are_label_names() -> None:
    expected = Aggregate(AggregateOp.SUM, parsed("foo"), None, ("by", "on", "offset", "sum", "and", "a.b"))

    assert expected == parsed('sum by (by, on, offset, sum, and, "a.b",) (foo)')
    assert expected == parsed('SUM(foo) BY (by, on, offset, sum, and, "a.b")')


def test_without_may_have_no_labels() -> None:
    assert Aggregate(AggregateOp.MAX, parsed("foo"), None, (), without=True) == parsed("max without () (foo)")


@pytest.mark.parametrize(
    "text",
    [
        "foo[5m] offset -1h @ 100.5",
        "foo[5m] @ 100.5 offset -1h",
        "foo[300] @ 1m40s500ms offset -3600",
        "foo[5m]@1.005e2 offset -0x0e10",
        "foo[5m] @ 100.4995 offset -1h",
        "foo[5m] offset - + - - 1h @ 100.5",
    ],
)
def test_offset_and_at_come_in_any_order(text: str) -> None:
    selector = VectorSelector("foo", named("foo"), offset=-3_600_000, at=100_500)

    assert MatrixSelector(selector, 300_000) == parsed(text)


def test_subqueries_take_modifiers_of_their_own() -> None:
    inner = VectorSelector("foo", named("foo"), offset=1000)

    assert Subquery(inner, 3_600_000, None, 60_000, AtBound.END) == parsed(
        "foo offset 1s [1h:] @ end() offset 1m"
    )
    assert Subquery(inner, 3_600_000, 30_000, 0, AtBound.START) == parsed("foo offset 1s [1h:30] @ start()")


def test_modifiers_bind_closer_than_operators() -> None:
    assert Unary(UnaryOp.MINUS, VectorSelector("foo", named("foo"), offset=60_000)) == parsed(
        "-foo offset 1m"
    )
    assert ValueType.VECTOR is parsed("a ^ b offset 1m").value_type


def test_extended_ranges() -> None:
    selector = VectorSelector("foo", named("foo"), offset=1000, extent=Extent.ANCHORED)

    assert MatrixSelector(selector, 60_000) == parsed("foo[1m] anchored offset 1s")
    assert VectorSelector("foo", named("foo"), extent=Extent.SMOOTHED) == parsed("foo smoothed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a * b", VectorMatching()),
        ("a * on() b", VectorMatching(on=True)),
        ("a * ignoring(x, y) b", VectorMatching(labels=("x", "y"))),
        ("a * on(x) group_left b", VectorMatching(Cardinality.MANY_TO_ONE, on=True, labels=("x",))),
        (
            "a * on(x) group_right(y, z,) b",
            VectorMatching(Cardinality.ONE_TO_MANY, on=True, labels=("x",), include=("y", "z")),
        ),
        ("a and on(x) b", VectorMatching(Cardinality.MANY_TO_MANY, on=True, labels=("x",))),
        ("a == bool fill(0) b", VectorMatching(fill_left=0.0, fill_right=0.0)),
        (
            "a * on(x) fill_right(-1) fill_left(2) b",
            VectorMatching(on=True, labels=("x",), fill_left=2, fill_right=-1),
        ),
    ],
)
def test_vector_matching(text: str, expected: VectorMatching) -> None:
    expr = parsed(text)

    assert isinstance(expr, Binary)
    assert expected == expr.matching


def test_matching_is_kept_between_vectors_only() -> None:
    expr = parsed("foo > bool 1")

    assert isinstance(expr, Binary)
    assert expr.matching is None
    assert expr.return_bool


def test_spans_cover_the_text_of_each_part() -> None:
    text = "sum( rate(foo[5m] offset 1m) ) + - bar"
    expr = parsed(text)

    assert isinstance(expr, Binary)
    assert Span(0, len(text)) == expr.span
    assert "sum( rate(foo[5m] offset 1m) )" == text[expr.lhs.span.start : expr.lhs.span.end]
    assert "- bar" == text[expr.rhs.span.start : expr.rhs.span.end]
    assert isinstance(expr.lhs, Aggregate)
    assert "rate(foo[5m] offset 1m)" == text[expr.lhs.expr.span.start : expr.lhs.expr.span.end]


def test_the_place_of_an_expression_is_no_part_of_its_value() -> None:
    assert parsed("a + b") == parsed("  a\n+\nb")
    assert hash(parsed("a + b")) == hash(parsed("  a\n+\nb"))


def test_matchers_that_match_nothing_but_the_name_are_enough_for_info() -> None:
    assert parsed('info(foo, {a=~".*"})')
    assert parsed("info(foo, {})")


def test_the_function_table_is_complete() -> None:
    assert 90 == len(FUNCTIONS)
    assert 17 == sum(function.experimental for function in FUNCTIONS.values())
    assert parse_selector("up") == parsed("up")
