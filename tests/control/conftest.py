"""Databases for tests of the control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.control.database import Database, sqlite_url
from bongsu.control.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def control_database(tmp_path: Path) -> Iterator[Database]:
    """Give an SQLite database with the newest schema."""
    database = Database(sqlite_url(tmp_path / "control.db"))
    migrate(database)
    yield database
    database.close()
