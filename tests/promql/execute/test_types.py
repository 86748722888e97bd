"""With `type-and-unit-labels` a label says what is a counter; without it the name does."""

from __future__ import annotations

from contextlib import closing

import pytest
from tests.promql.promqltest.loading import load_into
from tests.promql.promqltest.script import Load, parse_script

from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.parser.features import TYPE_AND_UNIT_LABELS
from bongsu.storage.memory import MemoryProjectStore

SCRIPT = """
load 15s
  size_total{__type__="gauge", pool="x"} 0+1x20
  jobs{__type__="counter", pool="x"} 0+1x20
  times{__type__="histogram", pool="x"} 0+1x20
  plain_total{pool="x"} 0+1x20
"""


@pytest.mark.parametrize(
    ("metric", "by_type", "by_name"),
    [
        (
            "size_total",
            'metric might not be a counter, __type__ label is not set to "counter" or "histogram", got "gauge": "size_total"',
            None,
        ),
        (
            "jobs",
            None,
            'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "jobs"',
        ),
        (
            "times",
            None,
            'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "times"',
        ),
        (
            "plain_total",
            'metric might not be a counter, __type__ label is not set to "counter" or "histogram", got "": "plain_total"',
            None,
        ),
    ],
)
def test_what_is_no_counter_is_noted(metric: str, by_type: str | None, by_name: str | None) -> None:
    store = MemoryProjectStore()
    for command in parse_script(SCRIPT):
        assert isinstance(command, Load)
        load_into(store, command)
    for features, expected in ((frozenset({TYPE_AND_UNIT_LABELS}), by_type), (frozenset[str](), by_name)):
        with closing(Engine(EngineOptions(features=features))) as engine:
            result = engine.instant(store, f"rate({metric}[1m])", 120_000)

        notes = () if expected is None else (f"PromQL info: {expected} (1:6)",)
        assert notes == result.infos
