"""A kernel's cached code is good only as long as every source it was made from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from bongsu.kernels import _sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PACKAGE = "bongsu.kernels"


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


def test_imports_are_those_that_the_parser_finds() -> None:
    _forget()
    for source in _sources._FOLDER.glob("*.py"):
        nodes = list(ast.walk(ast.parse(source.read_text())))
        found = {
            a.name.removeprefix(f"{PACKAGE}.") for n in nodes if isinstance(n, ast.Import) for a in n.names
        }
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.removeprefix(f"{PACKAGE}."))

        assert {name for name in found if _sources.is_module(name)} == _sources._imports(source.stem)


def test_imports_of_any_form_are_found(package: Path) -> None:
    (package / "groups.py").write_text(
        "if True:\n    from bongsu.kernels import (\n        chunks,\n        packing as p,\n    )\nimport bongsu.kernels.windows as w\n"
    )

    assert {"chunks", "packing", "windows"} == _sources._imports("groups")
