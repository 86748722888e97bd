"""The PostgreSQL of the tests ends with them, also when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.support.postgres import postgres_programs
from tests.support.process import eventually

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
import sys
from pathlib import Path
from tests.support.postgres import running_postgres
with running_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, None])
def test_nothing_of_a_cluster_is_left(end: signal.Signals | None, tmp_path: Path) -> None:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    tmp_path.chmod(0o755)  # PostgreSQL runs as a user of its own and has to reach its folder
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(programs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            assert (1,) == connection.execute("SELECT 1").fetchone()
        assert 1 == len(list(tmp_path.glob("bongsu-postgres-*")))
        if end is None:
            tests.communicate()
        else:
            tests.send_signal(end)

    eventually(lambda: not list(tmp_path.iterdir()), what="the end of the cluster's folder")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
