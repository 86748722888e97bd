"""Demands of one side of an operator reach the other side, and no answer and no error changes by that."""

from __future__ import annotations

import random
from contextlib import closing

import pytest
from tests.promql.promqltest.loading import load_into
from tests.promql.promqltest.script import Load, parse_script

from bongsu.model.errors import BongsuError
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.parser import parse, resolve_durations
from bongsu.promql.parser.features import ALL_FEATURES, DELAYED_NAME_REMOVAL
from bongsu.promql.parser.printer import to_text
from bongsu.promql.plan import planner
from bongsu.promql.plan.fold_constants import fold_constants
from bongsu.promql.plan.propagate_matchers import propagate_matchers
from bongsu.promql.values import Vector
from bongsu.storage.memory import MemoryProjectStore


def rewritten(text: str) -> str:
    expr = resolve_durations(parse(text, features=ALL_FEATURES), step_ms=1_000, range_ms=9_000)
    return to_text(propagate_matchers(fold_constants(expr)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a{job="x"} / b', 'a{job="x"} / b{job="x"}'),
        ('b - a{job!~"x|y",zone="z"}', 'b{job!~"x|y",zone="z"} - a{job!~"x|y",zone="z"}'),
        ('rate(a{job="x"}[5m]) > abs(b * 2)', 'rate(a{job="x"}[5m]) > abs(b{job="x"} * 2)'),
        (
            'sum by (job) (rate(a{job="x",zone="z"}[5m])) / on (job) sum by (job) (b)',
            'sum by (job) (rate(a{job="x",zone="z"}[5m])) / on (job) sum by (job) (b{job="x"})',
        ),
        (
            'c * on (job) group_left () sum by (job) (b{job="x"})',
            'c{job="x"} * on (job) group_left () sum by (job) (b{job="x"})',
        ),
        ('a{job="x"} and on (zone) b{zone="z"}', 'a{job="x",zone="z"} and on (zone) b{zone="z"}'),
        ('a{job="x"} unless b{zone="z"}', 'a{job="x"} unless b{job="x",zone="z"}'),
        ('(a + b) / c{job="x"}', '(a{job="x"} + b{job="x"}) / c{job="x"}'),
        (
            'max_over_time((a + 1)[1h:5m]) == b{job="x"}',
            'max_over_time((a{job="x"} + 1)[1h:5m]) == b{job="x"}',
        ),
    ],
)
def test_the_other_side_is_asked_for_no_more_than_can_match(text: str, expected: str) -> None:
    normal = to_text(parse(expected, features=ALL_FEATURES))
    assert sorted(normal) == sorted(rewritten(text))


@pytest.mark.parametrize(
    "text",
    [
        'a{job="x"} or b',  # what has no partner stays
        'a{job="x"} / on (zone) b',  # a second b of a zone is an error
        '{__name__=~"a|b"} / c{job="x"}',
        'a{job="x"} + fill(0) b',
        'a{job="x"} * on (zone) group_left (job) sum by (zone, job) (b)',
        'absent(a) and on (job) b{job="x"}',
        'label_replace(a, "job", "x", "", "") / b{job="x"}',
        'a{job="x"} and on () b',
        'a{job="x"} unless ignoring (job) b',
        'topk(1, a) / b{job="x"}',
        'scalar(a) + b{job="x"}',
        'a{job="x"} and rate({__name__=~"a|b"}[5m])',
    ],
)
def test_what_would_change_an_answer_or_lose_an_error_is_left(text: str) -> None:
    assert to_text(parse(text, features=ALL_FEATURES)) == rewritten(text)


DATA = """
load 1m
  a{job="x", zone="p"} 1+1x20
  a{job="x", zone="q"} 2+1x20
  a{job="y", zone="p"} 3 _ 5 6 stale 8 9 10
  b{job="x", zone="p"} 5+2x20
  b{job="y", zone="p"} 7 7 7 _ _ _ _ 1 2 3
  b{job="z", zone="q"} 1x20
  c{job="x"} 4x20
  c{job="y"} 5x20
  d{job="x", zone="p", other="1"} 4x20
  d{job="x", zone="p", other="2"} 5x20
"""

OPERANDS = [
    "a", "b", "c", "d", 'a{job="x"}', 'b{job!="x"}', 'a{zone=~"p|"}', 'c{zone=""}', 'd{other="1"}', "rate(a[3m])",
    'increase(b{job="x"}[3m])', "sum by (job) (a)", 'sum by (job) (b{job=~"x|y"})', "max without (zone) (b)",
    "topk by (job) (1, a)", 'count by (job, zone) (d{zone="p"})', '(a + b{job="x"})', '(a and b{zone="p"})', '{__name__=~"a|b"}',
    "abs({__name__=~'a|b'})", 'max_over_time((b{zone="p"} * 2)[3m:1m])', 'absent(a{job="k"})', 'b{job="x"} offset 1m',
    'a{job="y"} @ 120', 'label_replace(a{job="x"}, "job", "y", "", "")', "(a or c{job='y'})", "-a", "count_values('job', c)",
]  # fmt: skip
OPERATORS = ["+", "/", "==", "> bool", "and", "unless", "or"]
MATCHINGS = [
    "", "on (job)", "on (job, zone)", "ignoring (zone)", "ignoring (other)", "on (job) group_left ()", "on (job) group_right ()",
    "ignoring (zone) group_left (other)", "on ()",
]  # fmt: skip

Answer = str | dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]


def answer(engine: Engine, store: MemoryProjectStore, text: str) -> Answer:
    try:
        value = engine.range(store, text, 60_000, 900_000, 60_000).value
    except BongsuError as error:
        return error.id
    assert isinstance(value, Vector)
    rows = zip(value.labels.maps(), value.values.tolist(), value.present().tolist(), strict=True)
    return {
        tuple(sorted(labels.items())): [
            (i, repr(v)) for i, (v, p) in enumerate(zip(row, there, strict=True)) if p
        ]
        for labels, row, there in rows
    }


@pytest.mark.parametrize("delayed", [False, True])
def test_no_answer_and_no_error_changes(delayed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryProjectStore()
    for command in parse_script(DATA):
        assert isinstance(command, Load)
        load_into(store, command)
    features = ALL_FEATURES if delayed else ALL_FEATURES - {DELAYED_NAME_REMOVAL}
    chosen = random.Random(20)
    texts = []
    for _ in range(400):
        operator = chosen.choice(OPERATORS)
        matching = chosen.choice(MATCHINGS[:5] if operator in ("and", "unless", "or") else MATCHINGS)
        inner = f"({chosen.choice(OPERANDS)} {operator} {matching} {chosen.choice(OPERANDS)})"
        texts.append(
            inner if chosen.random() < 0.6 else f"{inner} {chosen.choice('+*')} {chosen.choice(OPERANDS)}"
        )
    with closing(Engine(EngineOptions(features=features, threads=1))) as engine:
        found = [answer(engine, store, text) for text in texts]
    monkeypatch.setattr(planner, "propagate_matchers", lambda expr: expr)
    with closing(Engine(EngineOptions(features=features, threads=1))) as engine:
        expected = [answer(engine, store, text) for text in texts]

    assert [] == [text for text, mine, plain in zip(texts, found, expected, strict=True) if mine != plain]
    assert 100 < sum(isinstance(each, dict) and bool(each) for each in expected)
