from __future__ import annotations

import math
from contextlib import closing

import pytest
from tests.promql.promqltest.notation import parse_series, parse_values
from tests.promql.promqltest.runner import ALL_FEATURES, Report, ScriptRunner, Verdict
from tests.promql.promqltest.script import Eval, Load, ScriptError, parse_script
from tests.promql.promqltest.variants import depends_on_range, pinned

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.promql.engine import Engine, EngineOptions

DATA = """
load 10s
  up{job="a"} 1 2 3
  up{job="b"} 4 _ 6
"""


def run(script: str) -> Report:
    with closing(Engine(EngineOptions(features=ALL_FEATURES, threads=1))) as engine:
        return ScriptRunner(engine).run("inline", DATA + script)


def verdicts(script: str) -> list[tuple[Verdict, str]]:
    return [(outcome.verdict, outcome.reason) for outcome in run(script).outcomes]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("1 2.5 -3e2", [1.0, 2.5, -300.0]),
        ("0+5x2", [0.0, 5.0, 10.0]),
        ("10-2x2 1", [10.0, 8.0, 6.0, 1.0]),
        ("3x2", [3.0, 3.0, 3.0]),
        ("_ 1 _x2", [None, 1.0, None, None]),
        ("Inf -inf +Infx1", [math.inf, -math.inf, math.inf, math.inf]),
        ("1e-3+2e-3x1", [0.001, 0.003]),
    ],
)
def test_sequences_of_floats(text: str, cells: list[float | None]) -> None:
    assert cells == parse_values(text)


def test_stale_markers_are_told_from_nan() -> None:
    nan, first, second = parse_values("NaN stalex1")

    assert isinstance(nan, float)
    assert math.isnan(nan)
    assert first is second


def test_histograms_in_text() -> None:
    first, second = parse_values(
        "{{schema:1 count:9 sum:-3.5 z_bucket:2 z_bucket_w:0.01 buckets:[1 0 2] offset:-1 n_buckets:[4] n_offset:2 counter_reset_hint:gauge}} "
        "{{schema:-53 count:3 sum:7 custom_values:[1 5] buckets:[1 2]}}"
    )

    assert first == Histogram(
        schema=1,
        zero_threshold=0.01,
        zero_count=2,
        count=9,
        sum=-3.5,
        positive_spans=((-1, 3),),
        positive_buckets=(1, 0, 2),
        negative_spans=((2, 1),),
        negative_buckets=(4,),
        reset_hint=ResetHint.GAUGE,
        is_float=True,
    )
    assert isinstance(second, Histogram)
    assert (CUSTOM_BUCKETS_SCHEMA, (1.0, 5.0)) == (second.schema, second.custom_values)


def test_sequences_of_histograms_add_up() -> None:
    cells = parse_values("{{count:2 sum:3 buckets:[1 1]}}+{{schema:1 count:4 sum:1 buckets:[1 0 3]}}x2")

    assert [2.0, 6.0, 10.0] == [cell.count for cell in cells if isinstance(cell, Histogram)]
    # Buckets 0, 1 and 2 of the finer schema are 0, 1 and 1 of the coarser one.
    assert [(1.0, 1.0), (2.0, 4.0), (3.0, 7.0)] == [
        cell.positive_buckets for cell in cells if isinstance(cell, Histogram)
    ]


def test_series_begin_with_any_form_of_labels() -> None:
    assert ({"__name__": "a", "b": "c d"}, "1 2") == parse_series('a{b="c d"} 1 2')
    assert ({"__name__": "a.b"}, "1") == parse_series('{"a.b"} 1')
    assert ({}, "7") == parse_series("{} 7")
    assert ({"__name__": "h"}, "{{count:1}}") == parse_series("h {{count:1}}")


def test_commands_and_expectations() -> None:
    load, instant, ranged = parse_script(
        "load 5m\n  a 1x2\n\n# a comment\neval_ordered instant at 50m sort(a)\n  a 1\neval range from 0 to 1m step 30s a > 1\n"
        "  expect warn msg: hello (1:1)\n  expect no_info\n  {} 1+1x2\n"
    )

    assert isinstance(load, Load)
    assert isinstance(instant, Eval)
    assert isinstance(ranged, Eval)
    assert (300_000, {"__name__": "a"}) == (load.step_ms, load.series[0].labels)
    assert (5, "sort(a)", 3_000_000, None, True) == (
        instant.line,
        instant.text,
        instant.start_ms,
        instant.step_ms,
        instant.expected.ordered,
    )
    assert ("a > 1", 0, 60_000, 30_000) == (ranged.text, ranged.start_ms, ranged.end_ms, ranged.step_ms)
    assert "hello (1:1)" == ranged.expected.notes["warn"][0].text
    assert {"warn", "no_info"} == set(ranged.expected.notes)


@pytest.mark.parametrize(
    "text", ["loud 5m", "load\n", "eval a", "load 5m\n  a 1 zwei", "eval instant at 1m a\n  expect much"]
)
def test_a_line_that_is_not_of_the_language_is_named(text: str) -> None:
    with pytest.raises(ScriptError, match="line 1"):
        parse_script(text)


@pytest.mark.parametrize(
    "script",
    [
        'eval instant at 10s up{job="a"}\n  up{job="a"} 2',
        'eval instant at 20s up\n  up{job="b"} 6\n  up{job="a"} 3',
        "eval instant at 10s 1 + 1\n  2",
        'eval instant at 10s "text"\n  expect string "text"',
        "eval range from 0 to 20s step 10s sum(up)\n  {} 5 6 9",
        'eval instant at 20s up{job="b"}[30s]\n  expect range vector from 0 to 20s step 10s\n  up{job="b"} 4 _ 6',
        "eval instant at 20s sort(up)\n  expect ordered\n  up{job='a'} 3\n  up{job='b'} 6",
        "eval instant at 20s nope(up)\n  expect fail",
        "eval instant at 20s nope(up)\n  expect fail regex: unknown function",
        'eval instant at 20s nope(up)\n  expect fail msg: 1:1: parse error: unknown function with name "nope"',
        "eval_fail instant at 20s up +",
        "clear\n\neval instant at 20s up",
    ],
)
def test_evaluations_that_pass(script: str) -> None:
    assert [(Verdict.PASSED, "")] == verdicts(script)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("eval instant at 10s up\n  up{job='a'} 2", 'unexpected series up{job="b"} 4.0 at 10s'),
        (
            "eval instant at 10s up\n  up{job='a'} 2\n  up{job='b'} 5",
            'series up{job="b"}: at 10s expected 5.0, found 4.0',
        ),
        ("eval instant at 10s up{job='a'}\n  up{job='a'} 2.00001", "expected 2.00001, found 2.0"),
        ("eval instant at 10s up{job='a'}\n  up{job='a'} NaN", "expected nan, found 2.0"),
        ("eval instant at 10s up{job='c'}\n  up{job='c'} 2", "is missing"),
        ("eval instant at 10s 1 + 1\n  3", "expected 3.0, found 2.0"),
        ("eval instant at 10s vector(1)\n  1", "expected a scalar, found a vector"),
        ('eval instant at 10s "text"\n  expect string "other"', "expected the text 'other'"),
        ("eval range from 0 to 20s step 10s sum(up)\n  {} 5 6 9 9", "no sample at 30s"),
        ("eval range from 0 to 20s step 10s sum(up)\n  {} 5 6", "unexpected sample 9.0 at 20s"),
        ("eval instant at 20s sort(up)\n  expect ordered\n  up{job='b'} 6\n  up{job='a'} 3", "the order is"),
        ("eval instant at 20s sum(up)\n  expect fail", "expected an error, found an answer"),
        (
            "eval instant at 20s nope(up)\n  expect fail msg: something else",
            "expected the error 'something else'",
        ),
        ("eval instant at 20s nope(up)", "unexpected error"),
        ("eval instant at 20s quantile(2, up)\n  expect no_warn\n  {} Inf", "expected no warn notes"),
        ("eval instant at 20s sum(up)\n  expect info\n  {} 9", "expected the info note"),
    ],
)
def test_evaluations_that_fail_say_why(script: str, reason: str) -> None:
    ((verdict, found),) = verdicts(script)

    assert Verdict.FAILED is verdict
    assert reason in found


@pytest.mark.parametrize(
    "script",
    [
        "shout 5m\n  a 1",
        "eval instant at 10s 1\n  expect much",
        "load 5m\n  a 1 zwei",
        "load 1m\n  a 1 {{x:2}}",
    ],
)
def test_what_is_not_of_the_language_fails_by_itself(script: str) -> None:
    (broken, fault), *others = verdicts(f"{script}\n\neval instant at 10s 1\n  1")

    assert Verdict.FAILED is broken
    assert fault.startswith("not of the language: ")
    assert [(Verdict.PASSED, "")] == others


def test_start_timestamps_stand_under_a_series_or_by_its_name() -> None:
    under, beside, before = (
        parse_script(f"load 10s\n  {lines}")[0]
        for lines in (
            "a 1 2 3 4 5\n  @st 5s _ -1m+10sx2",
            "a 1 2 3 4 5\n  b 1\n  a @st 5 _x1 -60s+10sx2",
            "a start_timestamp 5s _ -1m -50s -40s\n  a 1 2 3 4 5",
        )
    )

    assert isinstance(under, Load)
    assert isinstance(beside, Load)
    assert isinstance(before, Load)
    expected = [5_000, None, -60_000, -50_000, -40_000]
    assert [expected] * 3 == [load.series[0].starts for load in (under, beside, before)]


def test_of_series_with_the_same_labels_the_last_one_is_loaded() -> None:
    (load,) = parse_script('load 10s\n  a{b="c",d="e"} 1 2 3\n  f 7\n  a{d="e",b="c"} _ 5')

    assert isinstance(load, Load)
    assert [[None, 5.0], [7.0]] == [series.cells for series in load.series]


def test_one_failure_does_not_hide_the_others() -> None:
    report = run("eval instant at 10s 1\n  2\n\neval instant at 10s 1\n  1")

    assert [Verdict.FAILED, Verdict.PASSED] == [outcome.verdict for outcome in report.outcomes]
    assert "1 passed     1 failed     0 not implemented" in report.line()


def test_selectors_are_pinned_but_not_those_of_subqueries() -> None:
    assert "a @ 5.000 + rate(b[1m] @ 1.000) + max_over_time(c[1m:1s] @ 5.000)" == pinned(
        "a + rate(b[1m] @ 1) + max_over_time(c[1m:1s])", 5000, ALL_FEATURES
    )
    assert pinned("a + time()", 5000, ALL_FEATURES) is None


@pytest.mark.parametrize(
    "text", ["step()", "a @ end()", "rate(a[range()])", "max_over_time(a[1m:step()])", "a offset step()"]
)
def test_queries_about_their_own_range_are_known(text: str) -> None:
    assert depends_on_range(text, ALL_FEATURES)
    assert not depends_on_range("sum(rate(a[5m] @ 3))", ALL_FEATURES)
