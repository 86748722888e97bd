"""The application that these tests call, over a database of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.control_app import ControlApp, running_control_app
from tests.support.control_urls import control_url, postgres_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["control_url", "postgres_url"]


@pytest.fixture
async def app(control_url: str) -> AsyncIterator[ControlApp]:
    """Give an application with two projects."""
    async with running_control_app(control_url) as app:
        yield app
