from __future__ import annotations

import pytest

from bongsu.promql.errors import ParseError
from bongsu.promql.parser import parse, resolve_durations
from bongsu.promql.parser.ast import MatrixSelector, Subquery, VectorSelector

STEP_MS, RANGE_MS = 15_000, 3_600_000


def resolved_range(text: str) -> object:
    expr = resolve_durations(parse(f"foo[{text}]"), step_ms=STEP_MS, range_ms=RANGE_MS)
    assert isinstance(expr, MatrixSelector)
    return expr.range


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("5m", 300_000),
        ("5m + 10", 310_000),
        ("2 * 3m - 1m", 300_000),
        ("2 * (3m - 1m)", 240_000),
        ("1h / 7", 514_285),
        ("20s / 3", 6_666),
        ("1003ms", 1_003),
        ("1s + 3ms", 1_002),  # 1.003 is a little less as a float
        ("2 ^ 3 ^ 2 % 100", 12_000),
        ("-2 ^ 2 + 5", 1_000),
        ("7.5 % 2", 1_500),
        ("step()", 15_000),
        ("range() / 2 + step()", 1_815_000),
        ("max_of(step(), 1m)", 60_000),
        ("min_of(step() * 10, 1m)", 60_000),
        ("- -10s", 10_000),
        ("+(1m)", 60_000),
    ],
)
def test_ranges_are_computed_in_seconds(text: str, milliseconds: int) -> None:
    assert milliseconds == resolved_range(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1m - 1m", "1:5: parse error: duration must be greater than 0"),
        ("step() - 1h", "1:5: parse error: duration must be greater than 0"),
        ("1m / (5 - 5)", "1:5: parse error: division by zero"),
        ("1m % (5 - 5)", "1:5: parse error: modulo by zero"),
        ("2 ^ 5000", "1:5: parse error: duration is out of range"),
        ("1m * NaN", "1:5: parse error: duration is out of range"),
        ("1m * Inf", "1:5: parse error: duration is out of range"),
        ("300 * 1y", "1:5: parse error: duration is out of range"),
    ],
)
def test_a_range_without_a_meaning_is_an_error_at_its_place(text: str, message: str) -> None:
    query = f"foo[{text}]"
    with pytest.raises(ParseError) as caught:
        resolve_durations(parse(query), step_ms=STEP_MS, range_ms=RANGE_MS, text=query)

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("step()", 15_000),
        ("-step()", -15_000),
        ("(1m - 2m)", -60_000),
        ("-(range())", -3_600_000),
        ("(step() * 0)", 0),
    ],
)
def test_offsets_may_be_of_any_sign(text: str, milliseconds: int) -> None:
    expr = resolve_durations(parse(f"foo offset {text}"), step_ms=STEP_MS, range_ms=RANGE_MS)

    assert isinstance(expr, VectorSelector)
    assert milliseconds == expr.offset


def test_an_offset_takes_an_operator_only_in_parentheses() -> None:
    assert parse("(foo offset 1m) + 2") != parse("foo offset (1m + 2)")
    assert parse("foo offset 1m + 2").value_type == parse("foo").value_type


def test_durations_are_resolved_wherever_they_stand() -> None:
    text = "sum(-(rate(foo[step()]) + abs(bar offset step()))[range():step()] offset -step()) > 1"
    with pytest.raises(ParseError):
        parse(text)
    text = "topk(scalar(foo offset step()), max_over_time((-foo offset step())[range():step()] offset -step())) > 1"
    expected = "topk(scalar(foo offset 15s), max_over_time((-foo offset 15s)[1h:15s] offset -15s)) > 1"

    assert parse(expected) == resolve_durations(parse(text), step_ms=STEP_MS, range_ms=RANGE_MS)


def test_an_expression_without_duration_expressions_comes_back_as_it_is() -> None:
    expr = parse("sum(rate(foo[5m])) + max(bar offset 5m)")

    assert expr is resolve_durations(expr, step_ms=1, range_ms=1)


def test_a_subquery_keeps_a_missing_resolution() -> None:
    expr = resolve_durations(parse("foo[step():]"), step_ms=STEP_MS, range_ms=RANGE_MS)

    assert isinstance(expr, Subquery)
    assert (15_000, None) == (expr.range, expr.step)
