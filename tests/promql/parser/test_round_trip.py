from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.promql_expressions import expressions

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Expr

from bongsu.promql.errors import ParseError
from bongsu.promql.parser import format_query, parse, to_json, to_text
from bongsu.promql.parser.features import ALL_FEATURES

PIECES = st.sampled_from(
    [
        "sum",
        "rate",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "bool",
        "offset",
        "@",
        "start",
        "end",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "=",
        "!=",
        "=~",
        "5m",
        "1",
        "0x1f",
        "NaN",
        "foo",
        "a:b",
        "'x'",
        '"y"',
        "`z`",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "==",
        "<",
        ">",
        ">=",
        "</",
        ">/",
        "and",
        "or",
        "unless",
        "atan2",
        "topk",
        "info",
        "step()",
        "min_of",
        "fill_left",
        "anchored",
        "smoothed",
        "fill",
        "fill_right",
        "(0)",
        "(-1e3)",
        "range()",
        "max_of(1m,",
        "end()",
        "up[5m]",
        "[1h:step()]",
        '{"é.x",',
        'by ("a b")',
        "1h30m",
        "0o17",
        ".5e-3",
        "1_000",
        "#",
        "\n",
        "1e",
        "-",
    ]
)


def attempt(text: str) -> Expr | ParseError:
    try:
        return parse(text, features=ALL_FEATURES)
    except ParseError as error:
        return error


@settings(max_examples=150)
@given(expressions())
def test_a_printed_expression_parses_to_the_same_tree(expr: Expr) -> None:
    text = to_text(expr)

    assert expr == parse(text, features=ALL_FEATURES), text


@settings(max_examples=100)
@given(expressions())
def test_a_formatted_expression_parses_to_the_same_tree(expr: Expr) -> None:
    text = format_query(expr)

    assert expr == parse(text, features=ALL_FEATURES), text


@settings(max_examples=60)
@given(expressions())
def test_every_tree_has_a_json_form_that_names_its_node(expr: Expr) -> None:
    assert isinstance(to_json(expr)["type"], str)


@settings(max_examples=200)
@given(
    st.text(max_size=60)
    | st.lists(PIECES, max_size=25).map(" ".join)
    | st.lists(PIECES, max_size=25).map("".join)
)
def test_any_text_is_an_expression_or_an_error_with_a_place(text: str) -> None:
    found = attempt(text)

    if isinstance(found, ParseError):
        assert 1 <= found.line <= text.count("\n") + 1
        assert 1 <= found.column <= len(text) + 1
        assert str(found).startswith(f"{found.line}:{found.column}: parse error: ")
    else:
        # Matchers may have changed their places: the text is the same from then on.
        again = parse(to_text(found), features=ALL_FEATURES)
        assert to_text(found) == to_text(again)
        assert format_query(found) == format_query(again)


@settings(max_examples=100)
@given(expressions(), st.data())
def test_a_cut_expression_is_an_expression_or_a_parse_error(expr: Expr, data: st.DataObject) -> None:
    text = to_text(expr)
    found = attempt(text[: data.draw(st.integers(0, len(text)))])

    assert not isinstance(found, ParseError) or found.detail
