"""
Scripts in the promqltest language, run on the engine.

The scripts beside this file always run; `BONGSU_PROMQL_SCRIPTS` names a folder with more of them, such as the public ones. A script
with the line ``# names: delayed`` or ``# names: immediate`` runs in that mode of name removal only, the other ones in both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.promql.promqltest.folder import run_script, script_paths
from tests.promql.promqltest.runner import ALL_FEATURES, IMMEDIATE

OWN = Path(__file__).parent / "scripts"
MODES = {"delayed": ALL_FEATURES, "immediate": IMMEDIATE}


def own_cases() -> list[tuple[Path, str]]:
    found = []
    for path in script_paths(OWN):
        stated = re.search(r"^# names: (delayed|immediate)$", path.read_text(), re.MULTILINE)
        found += [(path, mode) for mode in MODES if stated is None or stated[1] == mode]
    return found


def given_cases() -> list[tuple[Path, str]]:
    """Return the scripts of the given folder; they are written for the delayed removal of names."""
    folder = os.environ.get("BONGSU_PROMQL_SCRIPTS")
    return [(path, "delayed") for path in script_paths(Path(folder))] if folder else []


@pytest.mark.parametrize(
    ("path", "mode"),
    [pytest.param(*case, id=f"{case[0].stem}-{case[1]}") for case in own_cases() + given_cases()],
)
def test_script(path: Path, mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every evaluation that is built gives what the script expects."""
    report = run_script(path, MODES[mode])
    with capsys.disabled():
        print(f"\n{report.line()} ({mode} name removal)", end="")

    assert report.outcomes
    assert [] == [
        f"{report.name}:{failure.line}: {failure.text}: {failure.reason}" for failure in report.failures
    ]
