"""What is vendored is what its list says, and the first view stays small."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from typing import Any

import pytest

from bongsu.api.console.files import STATIC, StaticFiles
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
    names = ["index.html", "app/early.js", "app/icon.svg", *modules_of(StaticFiles(), view)]
    files = [STATIC / name for name in names]
    files += [*STATIC.glob("app/*.css"), *STATIC.glob("vendor/*.css")]
    files += [max((STATIC / "locales").glob("*.json"), key=lambda file: file.stat().st_size)]
    total = sum(len(gzip.compress(file.read_bytes())) for file in files)

    assert total <= FIRST_VIEW_BYTES, f"{total} bytes"


def test_the_scripts_of_a_view_are_found_through_their_imports() -> None:
    home, realtime = (set(modules_of(StaticFiles(), view)) for view in ("", "realtime"))

    assert {"app/main.js", "app/shell.js", "app/pages/home.js", "vendor/preact-11.2.0.min.js"} <= home
    assert {"app/pages/realtime.js", "app/chart.js", "vendor/uplot-1.6.32.min.js"} <= realtime
    assert "app/pages/realtime.js" not in home
    assert not any("promql-editor" in name for name in home | realtime)


@pytest.mark.parametrize("file", sorted((STATIC / "app").rglob("*.*")), ids=lambda file: file.name)
def test_no_own_file_names_another_host(file: Any) -> None:
    addresses = set(re.findall(r"https?://[^\s\"'`)<>]+", file.read_text()))

    assert set() == {address for address in addresses if not address.startswith("http://www.w3.org/")}
