"""Whatever is asked of whatever data, the engine answers or refuses; what Prometheus 3.5 does not have is asked most."""

from __future__ import annotations

import random
from contextlib import closing

import pytest
from tests.promql.promqltest.loading import load_into
from tests.promql.promqltest.runner import ALL_FEATURES, IMMEDIATE
from tests.promql.promqltest.script import Load, parse_script

from bongsu.model.errors import BongsuError
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.parser.ast import AggregateOp, BinaryOp, ValueType
from bongsu.promql.parser.functions import FUNCTIONS
from bongsu.storage.memory import MemoryProjectStore

DATA = """
load 10s
  f{a="1"} 1 2 3 stale 5 6
  f{a="2", le="1"} _ 2 NaN 1 0 -5
  h{a="1"} {{schema:0 count:4 sum:4 buckets:[2 2]}} {{schema:1 count:6 sum:6 buckets:[3 3]}} {{schema:0 count:2 sum:3 buckets:[1 1]}} _ {{}}
  @st 0s 0s 15s 15s 15s
  h{a="2"} {{schema:0 count:4 sum:NaN z_bucket:1 z_bucket_w:0.5 buckets:[2] n_buckets:[1] n_offset:2}}x5
  n{a="1"} {{schema:-53 count:6 sum:10 custom_values:[1 2 4] buckets:[1 2 2 1]}}x3
  n{a="3"} {{schema:-53 count:7 sum:20 custom_values:[1 3 4] buckets:[1 3 2 1]}} 3 {{schema:2 count:4 sum:4 buckets:[2 2]}}
  g{a="1"} {{schema:0 count:4 sum:4 buckets:[2 2] counter_reset_hint:gauge}} {{schema:0 count:1 sum:4 buckets:[1] counter_reset_hint:gauge}}
  target_info{a="1", v="x"} 1x5
"""
VECTORS = (
    "f",
    "h",
    "n",
    "g",
    '{a="1"}',
    "nothing",
    'f{a="1"}',
    'h{a="2"}',
    "n smoothed",
    "h offset -5s",
    "g @ end()",
)
QUERIES = 200
EXTENTS = ("", "", " anchored", " smoothed")
MATCHINGS = (
    "",
    "",
    " on (a)",
    " ignoring (le)",
    " on (a) group_left",
    " fill (0)",
    " on (a) fill_left (1) fill_right (2)",
)


class Queries:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def scalar(self) -> str:
        return self.random.choice(
            ["0", "1", "-0.5", "2", "NaN", "Inf", "-Inf", "time()", "min_of(1, scalar(f))", "step()"]
        )

    def matrix(self, depth: int) -> str:
        length = self.random.choice(["10s", "25s", "1m", "min_of(15s, 1m)"])
        if self.random.random() < 0.3:
            return f"({self.vector(depth - 1)})[{length}:{self.random.choice(['', '5s', '10s'])}]"
        return f"{self.random.choice('fhng')}[{length}]{self.random.choice(EXTENTS)}"

    def argument(self, kind: ValueType, depth: int) -> str:
        match kind:
            case ValueType.SCALAR:
                return self.scalar()
            case ValueType.MATRIX:
                return self.matrix(depth)
            case ValueType.STRING:
                return self.random.choice(['"a"', '"x"', '"le"', '"__name__"', '"(.*)"', '"$1"'])
            case _:
                return self.vector(depth - 1)

    def vector(self, depth: int) -> str:
        kind = self.random.random()
        if depth <= 0 or kind < 0.1:
            return self.random.choice(VECTORS)
        if kind < 0.5:
            function = self.random.choice(
                [f for f in FUNCTIONS.values() if f.return_type is ValueType.VECTOR]
            )
            args = [self.argument(each, depth) for each in function.arg_types]
            if function.name == "info":
                args[1] = '{v=~".*"}'
            return f"{function.name}({', '.join(args)})"
        if kind < 0.7:
            op = self.random.choice(list(AggregateOp))
            param = "" if op.parameter_type is None else f"{self.argument(op.parameter_type, 0)}, "
            return (
                f"{op} {self.random.choice(['', 'by (a)', 'without (le)'])} ({param}{self.vector(depth - 1)})"
            )
        operator = self.random.choice(list(BinaryOp)).value + self.random.choice(["", "", " bool"])
        right = self.random.choice([self.scalar(), f"({self.vector(depth - 1)})"])
        matching = self.random.choice(MATCHINGS) if right.startswith("(") else ""
        return f"({self.vector(depth - 1)}) {operator}{matching} {right}"


@pytest.mark.parametrize("features", [ALL_FEATURES, IMMEDIATE], ids=["delayed", "immediate"])
def test_any_query_is_answered_or_refused(features: frozenset[str]) -> None:
    store = MemoryProjectStore()
    (load,) = parse_script(DATA)
    assert isinstance(load, Load)
    load_into(store, load)
    answered = 0
    with closing(Engine(EngineOptions(features=features, threads=1))) as engine:
        for seed in range(QUERIES):
            text = Queries(seed).vector(3)
            try:
                engine.instant(store, text, 30_000)
                engine.range(store, text, 0, 60_000, 15_000)
                answered += 1
            except BongsuError:
                continue
            except Exception as error:
                raise AssertionError(text) from error

    assert answered > QUERIES // 4
