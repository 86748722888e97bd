from __future__ import annotations

import math

import pytest

from bongsu.promql.parser import parse
from bongsu.promql.parser.ast import NumberLiteral, StringLiteral
from bongsu.promql.parser.strings import quote, unquote


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("1_000_000", 1e6),
        (".5", 0.5),
        ("2.", 2.0),
        ("12.34e-6", 12.34e-6),
        ("1E+3", 1000.0),
        ("1_0.5_0", 10.5),
        ("0x1F", 31.0),
        ("0XaB_cD", 43981.0),
        ("010", 8.0),
        ("089", 89.0),
        ("1.7e308", 1.7e308),
        ("0x7fff_ffff_ffff_ffff", 2.0**63),
        ("01777777777777777777777", 1.777777777777777777777e21),
        ("Inf", math.inf),
        ("+iNf", math.inf),
        ("-inf", -math.inf),
        ("-0x10", -16.0),
        ("- -3", 3.0),
    ],
)
def test_numbers_in_all_their_forms(text: str, value: float) -> None:
    assert NumberLiteral(value) == parse(text)


@pytest.mark.parametrize("text", ["NaN", "nan", "-NAN"])
def test_nan_is_a_number_equal_to_itself_as_a_tree(text: str) -> None:
    assert parse("nan") == parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400.0), ("250ms", 0.25), ("1y", 31_536_000.0), ("-5m", -300.0), ("1w2d", 777_600.0)],
)
def test_a_duration_is_the_number_of_its_seconds(text: str, seconds: float) -> None:
    assert NumberLiteral(seconds, is_duration=True) == parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"plain"', "plain"),
        (r'"a\"b"', 'a"b'),
        (r"'a\'b\n'", "a'b\n"),
        (r"`raw \n " + '"`', r"raw \n " + '"'),
        ("`two\nlines`", "two\nlines"),
        (r'"\x41\101\u00e9\U0001F525"', "AAé🔥"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        (r'"\a\b\f\n\r\t\v\\"', "\a\b\f\n\r\t\v\\"),
        ('"# no comment"', "# no comment"),
    ],
)
def test_strings_in_all_their_forms(text: str, value: str) -> None:
    assert StringLiteral(value) == parse(text)
    assert value == unquote(quote(value))


def test_comments_and_blanks_separate_tokens_only() -> None:
    assert parse('sum(rate(foo{a="b"}[5m])) by (x)') == parse(
        '# head\nsum ( rate ( foo { a = "b" , } [ 5m ] ) ) # tail\r\n\tby ( x , )  # end'
    )
