"""The real server whose compiled kernels are damaged, or not all there, before it starts."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.process import running_server

from bongsu.kernels._jit import CACHE_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import Tenant

pytestmark = pytest.mark.process

SMALL = ("remote_read-*", "protobuf_shape-*", "used_codes-*")
"""Files of kernels that take seconds to compile, where all of them take minutes."""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a copy of the cache that the tests use: what a server has that was started before."""
    if CACHE_FOLDER is None:
        pytest.skip("NOT TESTED: no folder for compiled kernels can be written")
    shutil.copytree(CACHE_FOLDER, tmp_path / "cache" / "bongsu" / "kernels")
    return tmp_path / "cache"


def _write_and_ask(tenant: Tenant, name: str) -> list[str]:
    now = int(time.time())
    lines = "".join(f"{name} {i} {(now - 600 + 60 * i) * 1000}\n" for i in range(10))
    written = tenant.write(lines)
    assert 204 == written.status
    asked = (f"count_over_time({name}[1h])", f"sum(max_over_time({name}[1h]))", f"delta({name}[1h]) > bool 0")
    return [tenant.query(expression)[0]["value"][1] for expression in asked]


def test_damaged_kernels_are_compiled_anew(tmp_path: Path, cache: Path) -> None:
    code = sorted(file for name in SMALL for file in cache.glob(f"bongsu/kernels/{name}/*.nb?"))
    for number, file in enumerate(code):
        if number % 3 == 0:
            file.unlink()
        elif number % 3 == 1:
            os.truncate(file, file.stat().st_size // 2)
        else:
            file.write_bytes(os.urandom(file.stat().st_size))
    with running_server(tmp_path / "data", BONGSU_CACHE_DIR=str(cache)) as server:
        answers = _write_and_ask(server.first_project, "m")

    assert len(code) > 3
    assert ["10", "9", "1"] == answers


def test_a_query_that_needs_a_kernel_of_the_first_start_waits_for_it(tmp_path: Path, cache: Path) -> None:
    for folder in cache.glob("bongsu/kernels/ranks-*"):
        shutil.rmtree(folder)
    with running_server(tmp_path / "data", BONGSU_CACHE_DIR=str(cache)) as server:
        tenant = server.first_project
        _write_and_ask(tenant, "m")
        answer = tenant.query("quantile(0.5, max_over_time(m[1h]))")

    assert "9" == answer[0]["value"][1]
