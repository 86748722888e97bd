"""A PostgreSQL for the applications under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.postgres import postgres_programs, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """Give the URL of an empty PostgreSQL of Debian's package."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: install Debian's package postgresql")
    with running_postgres(programs) as url:
        yield url
