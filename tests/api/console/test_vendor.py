"""What is vendored is what its list says, and the first view stays small."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from bongsu.api.console.files import STATIC, StaticFiles, without_comments
from bongsu.api.console.page import modules_of

VENDOR = STATIC / "vendor"
FIRST_VIEW_BYTES = 100_000
"""Gzipped; on a slow line of 1 MB/s a tenth of a second."""


def listed() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((VENDOR / "VENDOR.json").read_text())
    return entries


def test_every_vendored_file_is_listed_and_unchanged() -> None:
    expected = {entry["file"]: (entry["bytes"], entry["sha256"]) for entry in listed()}
    actual = {
        file.name: (len(content := file.read_bytes()), hashlib.sha256(content).hexdigest())
        for file in VENDOR.iterdir()
        if file.is_file() and file.name != "VENDOR.json"
    }

    assert expected == actual


def test_every_package_inside_has_a_version_a_licence_and_its_text() -> None:
    texts = {file.name for file in (VENDOR / "LICENSES").iterdir()}
    packages = [package for entry in listed() for package in entry["packages"]]

    assert packages
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), package
        assert package["licence"] in {"MIT", "Apache-2.0", "BlueOak-1.0.0"}, package
        assert package["integrity"].startswith("sha512-"), package
        stem = package["name"].replace("/", "__").removeprefix("@")
        assert any(name.startswith(f"{stem}-") for name in texts), package


def test_no_source_map_is_shipped() -> None:
    assert [] == [file for file in STATIC.rglob("*") if file.suffix == ".map"]


@pytest.mark.parametrize("view", ["", "realtime", "openmetrics", "servers", "explore", "status", "settings"])
def test_the_first_view_is_small(view: str) -> None:
    files = StaticFiles()
    first, later = modules_of(files, view)
    names = ["index.html", "app/early.js", "app/icon.svg", *first]
    names += [name for name in later if "promql-editor" not in name]
    names += [*files.names("app/*.css"), *files.names("vendor/*.css")]
    locales = [len(files.read(name).gzip) for name in files.names("locales/*.json")]
    total = sum(len(files.read(name).gzip) for name in names) + max(locales)

    assert total <= FIRST_VIEW_BYTES, f"{total} bytes"


def test_the_scripts_of_a_view_are_found_through_their_imports() -> None:
    home, realtime = (set(modules_of(StaticFiles(), view)[0]) for view in ("", "realtime"))

    assert {"app/main.js", "app/shell.js", "app/pages/home.js", "vendor/preact-11.2.0.min.js"} <= home
    assert {"app/pages/realtime.js", "app/chart.js", "vendor/uplot-1.6.32.min.js"} <= realtime
    assert "app/pages/realtime.js" not in home
    assert not any("promql-editor" in name for name in home | realtime)


def test_what_a_view_fetches_for_itself_is_found_with_all_that_it_imports_and_named_once() -> None:
    first, later = modules_of(StaticFiles(), "")

    assert {"app/itself.js", "app/chart.js", "vendor/uplot-1.6.32.min.js"} <= set(later)
    assert len(first) + len(later) == len({*first, *later})
    assert ["app/promql-editor.js"] == modules_of(StaticFiles(), "explore")[1][:1]


@pytest.mark.parametrize("file", sorted((STATIC / "app").rglob("*.*")), ids=lambda file: file.name)
def test_no_own_file_names_another_host(file: Any) -> None:
    addresses = set(re.findall(r"https?://[^\s\"'`)<>]+", file.read_text()))

    assert set() == {address for address in addresses if not address.startswith("http://www.w3.org/")}


def test_only_comments_are_left_out_of_modules_and_lines_keep_their_numbers() -> None:
    source = b"/**\n * Says why.\n */\nconst a = 1; // kept\n  // alone\nconst url = `http://x`; /* kept */\n/* one */\n/* begins */ b();\n"

    assert (
        b"\n\n\nconst a = 1; // kept\n\nconst url = `http://x`; /* kept */\n\n/* begins */ b();\n"
        == without_comments(source)
    )


def test_no_text_of_a_module_has_a_line_that_looks_like_a_comment() -> None:
    """A text over several lines would lose such a line: what is left out begins in code and not in a template."""
    for name in StaticFiles().names("app/**/*.js"):
        written = (STATIC / name).read_text()
        sent = without_comments(written.encode()).decode()
        lost = {
            number
            for number, pair in enumerate(zip(sent.split("\n"), written.split("\n"), strict=True), start=1)
            if pair[0] != pair[1]
        }
        assert set() == lost & lines_that_begin_in_a_template(sent), name


def test_a_line_that_begins_in_a_template_is_found() -> None:
    source = (
        "const a = html`<p>\n// text ${b ? `c` : html`\nd`}\n`;\nconst e = /[`'\"]/.test('`');\n// comment\n"
    )

    assert {2, 3, 4} == lines_that_begin_in_a_template(source)


_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
    r"""|(?<=[(,=:\[!&|?{};+>] )/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/|(?<=[(,=:\[!&|?{};+])/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"""
    r"""|[`{}\n]""",
    re.DOTALL,
)
_TEXT_TOKEN = re.compile(r"\\.|`|\$\{|\n", re.DOTALL)


def lines_that_begin_in_a_template(source: str) -> set[int]:
    """Walk through a module's strings, regular expressions, comments, braces and templates."""
    found, at, line = set(), 0, 1
    stack = ["{"]
    """What is open: `{` is code, also that inside of a template, and a backquote is a template's text."""
    while token := (_TEXT_TOKEN if stack[-1] == "`" else _TOKEN).search(source, at):
        at, text = token.end(), token[0]
        if text in {"{", "${"}:
            stack.append("{")
        elif text == "}" or (text == "`" and stack[-1] == "`"):
            stack.pop()
        elif text == "`":
            stack.append("`")
        for _ in range(text.count("\n")):
            line += 1
            if stack[-1] == "`":
                found.add(line)
    assert stack == ["{"], f"not understood: {stack}"
    return found
