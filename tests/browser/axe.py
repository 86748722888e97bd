"""
axe-core, the accessibility checker, fetched from npm by its own client once, and held to a hash.

It is a tool of the tests: no part of it is in the package.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

VERSION = "4.10.3"
INTEGRITY = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
"""SHA-512 of the package's tarball, as npm publishes it."""
SERIOUS = ("serious", "critical")


def load_axe(folder: Path) -> str:
    """Return the checker's script; skip, loudly, where npm or its registry is missing."""
    tarball = folder / f"axe-core-{VERSION}.tgz"
    if not tarball.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("NOT TESTED: accessibility; npm is not installed (apt-get install npm)")
        with tempfile.TemporaryDirectory(dir=folder) as fetched:  # another worker may fetch it too
            command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", fetched]
            if subprocess.run(command, cwd=fetched, capture_output=True, timeout=120, check=False).returncode:
                pytest.skip("NOT TESTED: accessibility; npm could not fetch axe-core")
            (Path(fetched) / tarball.name).replace(tarball)
    content = tarball.read_bytes()
    assert INTEGRITY == base64.b64encode(hashlib.sha512(content).digest()).decode()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def violations(page: Page, axe: str) -> list[str]:
    """Return what is serious or worse on the page, one line for each."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations.map((one) => "
        "({id: one.id, impact: one.impact, nodes: one.nodes.map((node) => node.html.slice(0, 200))})))"
    )
    return [f"{one['id']}: {one['nodes'][:3]}" for one in found if one["impact"] in SERIOUS]
