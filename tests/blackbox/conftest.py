"""One real server for the tests that do not end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.process import ServerProcess, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = {"BONGSU_SCRAPE_INTERVAL": "1s", "BONGSU_SCRAPE_TIMEOUT": "1s", "BONGSU_APM_GRACE": "1s"}
"""Settings that keep the tests short; nothing else differs from the defaults."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server for one module of tests."""
    with running_server(tmp_path_factory.mktemp("server") / "data", **QUICK) as process:
        yield process
