"""The application that these tests call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.control_app import ControlApp, running_control_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[ControlApp]:
    """Give an application with two projects."""
    async with running_control_app(tmp_path) as app:
        yield app
