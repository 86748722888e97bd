"""A PostgreSQL of the tests' own, where Debian's package is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.free_port import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = "postgres"


def postgres_programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL's programs, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


@contextlib.contextmanager
def running_postgres(programs: Path) -> Iterator[str]:
    """
    Give the URL of a new, empty cluster on 127.0.0.1 that ends with the block.

    PostgreSQL refuses to run as root: then it runs as the package's user.
    """
    user = _USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bongsu-postgres-"))
    try:
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data, port = folder / "data", free_port()
        control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        settings = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        )

        def run(*command: object) -> None:
            subprocess.run(
                [str(part) for part in command],
                user=user,
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        run(programs / "initdb", "-D", data, "-U", "bongsu", "-A", "trust", "-E", "UTF8", "--no-sync")
        run(*control, "-o", settings, "start")
        try:
            yield f"postgresql://bongsu@127.0.0.1:{port}/postgres"
        finally:
            run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
