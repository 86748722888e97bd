"""Databases and control planes for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.control_urls import control_url, postgres_url

from bongsu.control.database import Database
from bongsu.control.migrate import migrate
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["control_url", "postgres_url"]


@pytest.fixture
def control_database(control_url: str) -> Iterator[Database]:
    """Give a database with the newest schema."""
    database = Database(control_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock of the plane."""
    return ManualClock()


@pytest.fixture
def plane(control_url: str, clock: ManualClock) -> Iterator[ControlPlane]:
    """Give a control plane over an empty database."""
    plane = ControlPlane(control_url, clock)
    yield plane
    plane.close()
