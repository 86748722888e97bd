"""The scripts of a folder, run one after another by the product's engine over the in-memory reference store."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tests.promql.promqltest.runner import Report, ScriptRunner

from bongsu.promql.engine import Engine, EngineOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def script_paths(path: Path) -> list[Path]:
    """Return the scripts of a folder, or the one script that `path` is."""
    return sorted(path.glob("*.test")) if path.is_dir() else [path]


def run_script(path: Path, features: frozenset[str]) -> Report:
    """Return what came of one script."""
    with closing(Engine(EngineOptions(features=features, threads=1))) as engine:
        return ScriptRunner(engine, features=features).run(path.name, path.read_text())


def run_folder(path: Path, features: frozenset[str]) -> Iterator[Report]:
    """Run every script of a folder, in order of their names."""
    for script in script_paths(path):
        yield run_script(script, features)
