"""Query scripts on the embedded store: what it hands out of histograms is enough to know their resets."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import pytest
from tests.promql.promqltest.runner import ScriptRunner
from tests.support.stores import KEEP_ALL, open_tsdb

from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.parser.features import ALL_FEATURES

SCRIPTS = Path(__file__).parents[1] / "promql" / "scripts"


@pytest.mark.parametrize("name", ["reset_hints", "start_timestamps", "range_queries"])
def test_a_script_gives_on_the_embedded_store_what_it_gives_on_the_reference_store(
    name: str, tmp_path: Path
) -> None:
    numbers = itertools.count()
    with (
        closing(open_tsdb(tmp_path)) as store,
        closing(Engine(EngineOptions(features=ALL_FEATURES, threads=1))) as engine,
    ):
        runner = ScriptRunner(engine, new_store=lambda: store.project(f"p{next(numbers)}", KEEP_ALL))
        report = runner.run(name, (SCRIPTS / f"{name}.test").read_text())

    assert report.outcomes
    assert [] == report.failures
