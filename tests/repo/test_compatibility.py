"""The page about compatibility names tests that exist, and a test for everything that it claims."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "compatibility.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith(("| Requirement", "| Client"))
]


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(
        r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", (ROOT / "docs" / "compatibility.md").read_text()
    )
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists()
        or not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]

    assert len(named) > 60
    assert [] == missing


def test_what_is_claimed_is_shown_by_a_test() -> None:
    assert [] == [
        row[0] for row in ROWS if len(row) == 3 and row[1].startswith("yes") and "tests/" not in row[2]
    ]
    assert [] == [row[0] for row in ROWS if len(row) == 3 and not row[1].startswith(("yes", "partly", "no"))]
