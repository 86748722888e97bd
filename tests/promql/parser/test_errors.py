from __future__ import annotations

import pytest

from bongsu.promql.errors import ParseError
from bongsu.promql.parser import parse, parse_selector
from bongsu.promql.parser.cursor import MAX_NESTING
from bongsu.promql.parser.features import ALL_FEATURES
from bongsu.promql.parser.grammar import MAX_HEIGHT

FAULTS = {
    "": "1:1: parse error: no expression found in input",
    "# only a comment": "1:1: parse error: no expression found in input",
    "1 +": "1:4: parse error: unexpected end of input, expected an expression",
    "* 1": "1:1: parse error: unexpected <op:*>, expected an expression",
    "a\n  + * b": "2:5: parse error: unexpected <op:*>, expected an expression",
    "foo bar": '1:5: parse error: unexpected identifier "bar", expected an operator or the end of the query',
    "foo 3": '1:5: parse error: unexpected number "3", expected an operator or the end of the query',
    ")": "1:1: parse error: unexpected right parenthesis ')'",
    "(foo": '1:5: parse error: unclosed left parenthesis, expected ")"',
    "sum(foo": '1:8: parse error: unclosed left parenthesis, expected ")"',
    "foo[5m": '1:7: parse error: unclosed left bracket, expected "]"',
    "foo]": "1:4: parse error: unexpected right bracket ']'",
    "foo}": "1:4: parse error: unexpected right brace '}'",
    "foo{": '1:5: parse error: unexpected end of input inside braces, expected a label matcher or "}"',
    "foo{1}": "1:5: parse error: unexpected character inside braces: '1'",
    "foo{a}": '1:6: parse error: unexpected "}" in label matching, expected label matching operator',
    "foo{a=b}": '1:7: parse error: unexpected identifier "b" in label matching, expected string',
    'foo{a="b" c="d"}': '1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}"',
    "foo{,}": '1:5: parse error: unexpected "," in label matching, expected identifier or "}"',
    'foo{a=~"("}': "1:8: parse error: not a valid regular expression: '(': missing ): (",
    "{}": "1:1: parse error: vector selector must contain at least one non-empty matcher",
    'sum({a=~".*"})': "1:5: parse error: vector selector must contain at least one non-empty matcher",
    'sum({a!~".+"})': "1:5: parse error: vector selector must contain at least one non-empty matcher",
    '{"foo", "bar"}': '1:9: parse error: metric name must not be set twice: "foo" or "bar"',
    'foo{__name__="bar"}': '1:1: parse error: metric name must not be set twice: "foo" or "bar"',
    'sum by ("") (foo)': '1:9: parse error: invalid label name for grouping: ""',
    r'foo + on ("a\xff") bar': r'1:11: parse error: invalid label name for grouping: "a\xff"',
    '{"": "x"}': "1:2: parse error: label name must not be empty",
    '{""}': "1:2: parse error: metric name must not be empty",
    '"abc': '1:1: parse error: unterminated quoted string, expected a closing "',
    "`abc": "1:1: parse error: unterminated raw string, expected a closing `",
    '"a\nb"': '1:1: parse error: unterminated quoted string, expected a closing "',
    r'"\q"': r"1:1: parse error: unknown escape sequence \q in a string, expected one of Go's or a `raw string`",
    r'"\ud800"': r"1:1: parse error: escape sequence \ud800 is an invalid Unicode code point",
    "\ud800": "1:1: parse error: invalid UTF-8",
    "1 $ 2": "1:3: parse error: unexpected character: '$'",
    "foo !": "1:5: parse error: unexpected character: '!', expected != or !~",
    "5mm": '1:1: parse error: bad number or duration syntax: "5mm"',
    "1__0": '1:1: parse error: bad number or duration syntax: "1__0"',
    "0xg": '1:1: parse error: bad number or duration syntax: "0xg"',
    "foo[300y]": "1:5: parse error: duration out of range",
    "foo[0.0004]": "1:5: parse error: duration must be greater than 0",
    "foo[0]": "1:5: parse error: duration must be greater than 0",
    "foo[-5m]": "1:5: parse error: duration must be greater than 0",
    "foo[5m:0s]": "1:8: parse error: duration must be greater than 0",
    "foo[]": '1:5: parse error: unexpected "]" in subquery or range selector, '
    "expected number, duration, step(), or range()",
    "foo[5m 3m]": '1:8: parse error: unexpected duration "3m" in subquery or range, expected ":" or "]"',
    "foo[5m:1m:1m]": '1:10: parse error: unexpected ":" in subquery selector, expected "]"',
    "foo offset": "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
    "foo offset bar": '1:12: parse error: unexpected identifier "bar" in offset, '
    "expected number, duration, step(), or range()",
    "foo offset 1m offset 2m": "1:1: parse error: offset may not be set multiple times",
    "foo @ 1 @ 2": "1:1: parse error: @ <timestamp> may not be set multiple times",
    "foo @ bar": '1:7: parse error: unexpected identifier "bar" in @, expected timestamp, start() or end()',
    "foo @ Inf": "1:7: parse error: timestamp out of bounds for @ modifier: +Inf",
    "1 offset 5m": "1:1: parse error: offset modifier must be preceded by an instant vector selector "
    "or range vector selector or a subquery",
    "(foo) @ 5": "1:1: parse error: @ modifier must be preceded by an instant vector selector "
    "or range vector selector or a subquery",
    "(foo)[5m]": "1:6: parse error: ranges only allowed for vector selectors",
    "foo offset 1m [5m]": "1:15: parse error: no offset modifiers allowed before range",
    "foo @ 1 [5m]": "1:9: parse error: no @ modifiers allowed before range",
    "foo[5m][5m:1m]": "1:1: parse error: subquery is only allowed on instant vector, got matrix instead",
    "foo[5m:1m] anchored": "1:12: parse error: anchored modifier is not supported for subqueries",
    "foo[5m] anchored smoothed": "1:1: parse error: anchored and smoothed modifiers cannot be used together",
    "1 > 2": "1:3: parse error: comparisons between scalars must use BOOL modifier",
    "foo + bool bar": "1:5: parse error: bool modifier can only be used on comparison operators",
    "foo and 1": '1:1: parse error: set operator "and" not allowed in binary scalar expression',
    "foo and on(a) group_left bar": '1:1: parse error: no grouping allowed for "and" operation',
    "foo or fill(1) bar": "1:1: parse error: filling in missing series not allowed for set operators",
    "foo + on(a) 1": "1:1: parse error: vector matching only allowed between instant vectors",
    "foo + fill(1) 1": "1:1: parse error: filling in missing series only allowed between instant vectors",
    "foo + on(a) group_left(a) bar": '1:5: parse error: label "a" must not occur in ON and GROUP clause at once',
    "foo + fill(x) bar": '1:12: parse error: unexpected identifier "x" in fill modifier, expected number',
    "foo + fill(1) fill_left(2) bar": "1:15: parse error: fill_left modifier may not be combined with another fill",
    '"a" + foo': "1:1: parse error: binary expression must contain only scalar and instant vector types",
    '-"a"': "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, "
    'got "string"',
    "sum by (1) (foo)": '1:9: parse error: unexpected number "1" in grouping opts, expected label',
    "sum by (a b) (foo)": '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"',
    "sum by a (foo)": '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("',
    "sum()": "1:1: parse error: no arguments for aggregate expression provided",
    'foo == "a"': "1:8: parse error: binary expression must contain only scalar and instant vector types",
    "1e309": '1:1: parse error: number out of range: "1e309", the largest is about 1.8e308',
    "0x8000000000000000": '1:1: parse error: bad number or duration syntax: "0x8000000000000000"',
    "foo @ -nan": "1:8: parse error: timestamp out of bounds for @ modifier: NaN",
    "sum(1)": "1:5: parse error: expected type instant vector in aggregation expression, got scalar",
    "topk(foo)": "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    "topk(foo, foo)": "1:6: parse error: expected type scalar in aggregation parameter, got instant vector",
    "sum(foo,)": "1:8: parse error: trailing commas not allowed in function call args",
    "sum(foo bar)": '1:9: parse error: unexpected identifier "bar" in call arguments, '
    'expected an operator, "," or ")"',
    "nope(foo)": '1:1: parse error: unknown function with name "nope"',
    "abs()": '1:1: parse error: expected 1 argument(s) in call to "abs", got 0',
    "label_join(foo)": '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1',
    "round(foo, 1, 2)": '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3',
    "rate(foo)": '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    'info(foo, bar{a="b"})': "1:11: parse error: expected label selectors only, got vector selector instead",
    "info(foo, 1)": '1:11: parse error: expected label selectors in call to function "info", got scalar instead',
}


def fault_of(text: str, *, features: frozenset[str] = ALL_FEATURES) -> str:
    with pytest.raises(ParseError) as caught:
        parse(text, features=features)
    return str(caught.value)


@pytest.mark.parametrize("text", FAULTS)
def test_errors_name_the_place_what_was_found_and_what_was_expected(text: str) -> None:
    assert FAULTS[text] == fault_of(text)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("mad_over_time(foo[5m])", "promql-experimental-functions"),
        ("limitk(1, foo)", "promql-experimental-functions"),
        ("vector(step())", "promql-experimental-functions"),
        ("start_timestamp(foo)", "use-start-timestamps"),
        ("rate(foo[5m] anchored)", "promql-extended-range-selectors"),
        ("foo smoothed", "promql-extended-range-selectors"),
        ("foo + fill_left(0) bar", "promql-binop-fill-modifiers"),
    ],
)
def test_a_feature_that_is_off_is_refused_by_the_name_of_its_flag(text: str, flag: str) -> None:
    message = fault_of(text, features=ALL_FEATURES - {flag})

    assert message.endswith(f"is experimental and must be enabled with --enable-feature={flag}")
    assert parse(text, features=ALL_FEATURES)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("(", ")"), ("-", ""), ("abs(", ")"), ("sum(", ")"), ("a + (", ")"), ("2 ^ ", "")],
)
def test_deep_nesting_is_refused_and_not_a_crash(opening: str, closing: str) -> None:
    assert parse(opening * 50 + "foo" + closing * 50)
    for levels in (MAX_NESTING + 1, 10_000):
        assert "at most" in fault_of(opening * levels + "foo" + closing * levels)


def test_a_long_chain_of_operators_is_refused_and_not_a_crash() -> None:
    assert parse(" + ".join(["foo"] * MAX_HEIGHT))
    assert fault_of(" + ".join(["foo"] * (MAX_HEIGHT + 2))).startswith(
        "1:1: parse error: expression is too long"
    )


def test_deep_nesting_of_durations_is_refused() -> None:
    for text in (f"foo[{'(' * 5000}1{')' * 5000}]", f"foo[{'-' * 5000}1]", f"foo[{'2^' * 5000}1]"):
        assert "at most" in fault_of(text)


def test_columns_count_characters_and_lines_begin_after_a_newline() -> None:
    assert fault_of('{"é"} +\n\n {"ü"} +').startswith("3:9: parse error: unexpected end of input")


def test_a_selector_parameter_takes_selectors_only() -> None:
    assert "up" == parse_selector('up{job="x"}').name
    for text in ("up offset 5m", "up @ 3", "up[5m]", "rate(up[5m])", "1"):
        with pytest.raises(ParseError, match="expected a series selector without modifiers"):
            parse_selector(text)
