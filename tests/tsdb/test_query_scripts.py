"""Query scripts on the embedded store: what it hands out of histograms is enough to know their resets."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.promql.promqltest import runner as script_runner
from tests.promql.promqltest.loading import load_into
from tests.promql.promqltest.runner import ScriptRunner
from tests.support.stores import KEEP_ALL, Row, open_tsdb, write_rows

from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.parser.features import ALL_FEATURES
from bongsu.runtime.clock import ManualClock
from bongsu.tsdb.database import Database

if TYPE_CHECKING:
    from tests.promql.promqltest.script import Load

    from bongsu.storage.contract import ProjectStore

DAY_MS = 86_400_000
SCRIPTS = Path(__file__).parents[1] / "promql" / "scripts"


def failures(name: str, folder: Path) -> list[str]:
    """Return what a script expects that the embedded store does not give."""
    numbers = itertools.count()
    with (
        closing(open_tsdb(folder, clock=ManualClock(30 * DAY_MS))) as store,
        closing(Engine(EngineOptions(features=ALL_FEATURES, threads=1))) as engine,
    ):
        runner = ScriptRunner(engine, new_store=lambda: store.project(f"p{next(numbers)}", KEEP_ALL))
        report = runner.run(name, (SCRIPTS / f"{name}.test").read_text())
    assert report.outcomes
    return [f"{failure.text}: {failure.reason}" for failure in report.failures]


@pytest.mark.parametrize("name", ["reset_hints", "start_timestamps", "range_queries"])
def test_a_script_gives_on_the_embedded_store_what_it_gives_on_the_reference_store(
    name: str, tmp_path: Path
) -> None:
    assert [] == failures(name, tmp_path)


@pytest.mark.parametrize("name", ["reset_hints", "histogram_layouts"])
def test_a_script_gives_the_same_from_blocks(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_into_blocks(store: ProjectStore, load: Load) -> None:
        load_into(store, load)
        write_rows(store, [Row({"__name__": "a_day_later"}, DAY_MS, 1.0)], overwrite=True)
        assert isinstance(store, Database)
        assert store.flush()

    monkeypatch.setattr(script_runner, "load_into", load_into_blocks)

    assert [] == failures(name, tmp_path)
