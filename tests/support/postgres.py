"""A PostgreSQL of the tests' own, where Debian's package is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import sys
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
    Give the URL of a new, empty cluster on 127.0.0.1 that ends with the block, or with this process when that is killed.

    PostgreSQL refuses to run as root: then it runs as the package's user.
    """
    user = _USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bongsu-postgres-"))
    if user is not None:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    # The guard holds the other end of this pipe: it hears of our end however it comes, and the cluster and its folder go with us.
    with subprocess.Popen(
        [sys.executable, "-c", _GUARD, str(folder)], stdin=subprocess.PIPE, cwd="/"
    ) as guard:
        try:
            yield _start(programs, folder, user)
        finally:
            guard.communicate(timeout=60)


def _start(programs: Path, folder: Path, user: str | None) -> str:
    """Make a cluster in a folder, start it, and return its URL."""
    data, port = folder / "data", free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    for command in (
        [programs / "initdb", "-D", data, "-U", "bongsu", "-A", "trust", "-E", "UTF8", "--no-sync"],
        [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
    ):
        subprocess.run(
            [str(part) for part in command],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return f"postgresql://bongsu@127.0.0.1:{port}/postgres"


_GUARD = """
import os, pathlib, shutil, signal, sys, time

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)  # what ends the tests is to end the cluster first
sys.stdin.buffer.read()  # until whoever started us closes it, or dies
folder = pathlib.Path(sys.argv[1])
told = folder / "data" / "postmaster.pid"  # PostgreSQL removes it as the last thing that it does
deadline = time.monotonic() + 30
try:
    os.kill(int(told.read_text().split()[0]), signal.SIGQUIT)
    while told.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
except (OSError, ValueError, IndexError):
    pass
shutil.rmtree(folder, ignore_errors=True)
"""
"""Ends the cluster of a folder at once (SIGQUIT: its data is not needed any more), waits until it is gone, and removes the folder."""
