"""The PostgreSQL of the tests ends with them, also when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.support.postgres import postgres_programs
from tests.support.process import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = """
import sys
from pathlib import Path
from tests.support.postgres import running_postgres
with running_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that PostgreSQL, which runs as a user of its own, can reach: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="bongsu-guard-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, None])
def test_nothing_of_a_cluster_is_left(end: signal.Signals | None, reachable: Path) -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(programs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(reachable), "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            assert (1,) == connection.execute("SELECT 1").fetchone()
        assert 1 == len(list(reachable.glob("bongsu-postgres-*")))
        if end is None:
            tests.communicate()
        else:
            tests.send_signal(end)

    eventually(lambda: not list(reachable.iterdir()), what="the end of the cluster's folder")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
