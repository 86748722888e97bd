"""Habits that every file keeps."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
KERNELS = sorted((ROOT / "src" / "bongsu" / "kernels").glob("*.py"))

LONGEST_MODULE = 800
"""Lines; a module that grows past this has more than one subject."""


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()]


def test_no_module_has_more_than_one_subject() -> None:
    assert [] == [
        str(file.relative_to(ROOT)) for file in SOURCES if len(file.read_text().splitlines()) > LONGEST_MODULE
    ]


def test_every_module_says_what_it_owns() -> None:
    assert [] == [
        str(file.relative_to(ROOT)) for file in SOURCES if not ast.get_docstring(ast.parse(file.read_text()))
    ]


def test_nothing_is_left_for_later_without_saying_where() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")

    assert [] == [str(f.relative_to(ROOT)) for f in SOURCES if marks.search(f.read_text())]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")
    texts = [
        file
        for file in _tracked()
        if file.suffix in {".py", ".md", ".toml", ".js", ".css", ".html", ".test", ""}
    ]

    assert [] == [
        str(file.relative_to(ROOT))
        for file in texts
        if file != Path(__file__) and places.search(file.read_text(errors="ignore"))
    ]


def test_only_five_modules_touch_numba() -> None:
    users = [
        file.name for file in KERNELS if re.search(r"^\s*(import|from) numba", file.read_text(), re.MULTILINE)
    ]

    assert [
        "_addresses.py",
        "_dispatchers.py",
        "_jit.py",
        "_loading.py",
        "_words.py",
    ] == sorted(users)


ROUND_TRIPS = {
    "otlp_points": "compared with protobuf's own parser and the long way in tests/ingest/test_otlp_known.py",
    "known_writes": "compared with the full walk in tests/kernels/test_known_writes.py",
    "known_writes_2": "as known_writes",
    "histogram_samples": "compared with one histogram after another in tests/promql/histograms/test_columns.py",
    "histogram_statistics": "as histogram_samples",
    "histogram_windows": "as histogram_samples",
    "histogram_chunks": "packing and unpacking are each other's oracle; tests/kernels/test_histogram_chunks.py",
    "entropy": "read by the naive decoder of tests/naive/chunks.py too",
    "shared_times": "as chunks",
    "streams": "as chunks",
    "labels": "tests/tsdb/test_index.py compares the index with plain label maps",
    "log_columns": "packing and unpacking are each other's oracle, bit for bit; tests/tsdb/test_records.py",
    "merge": "tests/tsdb/test_model.py runs untidy rows against the reference store",
    "blocks": "tests/tsdb/test_model.py runs blocks against the reference store",
    "head_view": "tests/tsdb/test_head.py compares selections with plain lists of what was written",
    "joining": "tests/tsdb/test_model.py runs blocks and the head together against the reference store",
    "used_codes": "as head_view",
    "stored": "tests/tsdb/test_head.py compares with a plain map of what was written",
    "chunks": "encoders and decoders are each other's oracle, bit for bit",
    "codec_numbers": "as chunks",
    "codec_times": "as chunks",
    "codec_xor": "as chunks",
    "packing": "as chunks",
    "fused": "equals the kernels that it joins, one after the other; tests/kernels/test_fused.py",
    "ranks": "topk and quantile are compared with a naive engine in tests/kernels/test_groups.py",
    "rows": "reads what chunks wrote; tests/kernels/test_chunks.py",
}
"""Modules of kernels without a twin, and what believes for them."""


def test_every_module_of_kernels_has_a_naive_twin_or_a_round_trip() -> None:
    modules = {file.stem for file in KERNELS if not file.stem.startswith("_") and _kernels(file)}
    twins = {file.stem for file in (ROOT / "tests" / "naive").glob("*.py")}

    assert set() == modules - twins - ROUND_TRIPS.keys()
    assert set() == ROUND_TRIPS.keys() - modules


def _kernels(file: Path) -> list[str]:
    functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    return [
        node.name
        for node in functions
        if any(
            ast.unparse(mark) in ("kernel", "inner_kernel", "called_kernel", "owning_kernel")
            for mark in node.decorator_list
        )
    ]
