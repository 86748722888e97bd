"""A kernel's cached code is good only as long as every source it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.kernels import _sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in for the folder of kernels: `windows` calls `chunks`, which calls `packing`; `groups` stands alone."""
    (tmp_path / "windows.py").write_text("from bongsu.kernels.chunks import decode\n")
    (tmp_path / "chunks.py").write_text("from bongsu.kernels import packing\n")
    (tmp_path / "packing.py").write_text("import numpy\n")
    (tmp_path / "groups.py").write_text("import bongsu.kernels.groups\n")
    monkeypatch.setattr(_sources, "_FOLDER", tmp_path)
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for cached in (_sources.digest_of, _sources._imports, _sources._source):
        cached.cache_clear()


def test_an_edit_of_a_callee_changes_its_callers_and_nobody_else(package: Path) -> None:
    before = {name: _sources.digest_of(name) for name in ("windows", "chunks", "packing", "groups")}
    (package / "packing.py").write_text("import numpy  # edited\n")
    _forget()

    changed = {name for name, digest in before.items() if digest != _sources.digest_of(name)}
    assert {"windows", "chunks", "packing"} == changed


def test_the_digest_of_all_changes_with_a_new_file(package: Path) -> None:
    before = _sources.digest_of_all()
    (package / "ranks.py").write_text("")

    assert before != _sources.digest_of_all()
