"""Fixtures for every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong. A change is judged on the same examples every time; people explore new ones.
settings.register_profile(
    "bongsu",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("bongsu")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, the loop that the server runs on."""
    return "asyncio"
