"""The documentation says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from bongsu.server.settings_page import settings_page

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_the_page_of_settings_is_made_from_the_code() -> None:
    assert settings_page() == (ROOT / "docs" / "configuration.md").read_text()


def test_every_error_id_is_in_the_catalogue() -> None:
    catalogue = set(re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs" / "errors.md").read_text()))
    used = {found for file in SOURCES for found in re.findall(r'\bid="([a-z][a-z0-9-]*)"', file.read_text())}

    assert set() == used - catalogue


def test_every_dependency_has_its_reason() -> None:
    declared = re.findall(r'^    "([a-z0-9-]+)[><=\[]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    declared = [name for name in declared if name != "bongsu"]
    reasons = (ROOT / "docs" / "dependencies.md").read_text().lower()

    assert [] == [name for name in declared if name not in reasons]


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert [] == broken
