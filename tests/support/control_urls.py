"""Fixtures: empty control databases of both kinds. A conftest imports them by name."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from tests.support.postgres import postgres_programs, running_postgres

from bongsu.control.database import Database, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a PostgreSQL that runs for these tests."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    with running_postgres(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def control_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that is still empty; every test runs on both kinds."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "control.db")
    server: str = request.getfixturevalue("postgres_url")
    # A schema of its own costs a hundredth of a database of its own.
    schema = f"test_{uuid.uuid4().hex}"
    with contextlib.closing(Database(server)) as database, database.write() as session:
        session.execute(text(f"CREATE SCHEMA {schema}"))
    return f"{server}?options=-csearch_path%3D{schema}"
