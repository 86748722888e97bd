"""
A backup: one tar stream of everything that is stored, made while the server runs.

The archive holds ``control.db`` (the control database, always as SQLite), ``credentials.json``, ``store/`` (a snapshot of the
store) and, last, ``manifest.json`` with the SHA-256 of each file: an archive without it is cut off. Sign-ins of browsers and
ticks of the application numbers that are not sealed yet are not part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bongsu import __version__
from bongsu.control.credentials import credentials_file
from bongsu.control.database import Database, sqlite_url
from bongsu.control.transfer import copy_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.runtime.clock import Clock

MANIFEST = "manifest.json"
FORMAT = 1
CONTROL = "control.db"
STORE = "store"
WORK_PREFIX = "backup-"
"""Begins the name of the folder in the data folder in which a backup is gathered: on the same file system, for hard links."""

PART_BYTES = 1 << 20
"""What is read and sent at once."""


class Backups:
    """
    Makes backups of a running server.

    Parameters
    ----------
    folder
        The data folder; what a process that was killed left of a backup there is removed.
    snapshot_store
        Makes a folder a snapshot of the store.
    database
        The control database.
    """

    def __init__(
        self, folder: Path, *, snapshot_store: Callable[[Path], None], database: Database, clock: Clock
    ) -> None:
        self._folder = folder
        self._snapshot_store = snapshot_store
        self._database = database
        self._clock = clock
        for left in folder.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)

    def parts(self) -> Iterator[bytes]:
        """
        Yield the archive, a megabyte at most at a time.

        The state is that of the moment at which the first part is made. Nothing is held locked between parts, and blocks take no
        room of their own.
        """
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=WORK_PREFIX) as work:
            root = Path(work)
            self._gather(root)
            digests: dict[str, str] = {}
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                yield from _member(file, str(file.relative_to(root)), digests)
            yield from self._manifest(digests)
        yield b"\0" * (2 * tarfile.BLOCKSIZE)  # the end of a tar archive

    def _gather(self, root: Path) -> None:
        # The store first: a project that is removed between the two is then without data, as one that was never written to.
        self._snapshot_store(root / STORE)
        with contextlib.closing(Database(sqlite_url(root / CONTROL))) as copy:
            copy_database(self._database, copy)
        credentials = credentials_file(self._folder)
        if credentials.exists():
            shutil.copy2(credentials, root / credentials.name)

    def _manifest(self, digests: dict[str, str]) -> Iterator[bytes]:
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "createdMs": self._clock.now_ms(),
            "files": digests,
        }
        content = json.dumps(manifest, indent=1).encode()
        yield _header(MANIFEST, len(content))
        yield _padded(content)


def _member(file: Path, name: str, digests: dict[str, str]) -> Iterator[bytes]:
    """Yield the header and content of one file, and note its digest."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        yield _header(name, size)
        while part := stream.read(PART_BYTES):
            digest.update(part)
            yield part
    yield _padded(b"", size)
    digests[name] = digest.hexdigest()


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padded(content: bytes, size: int | None = None) -> bytes:
    """Return `content` with the zeros that fill the last block of a file of `size` bytes, its own length by default."""
    size = len(content) if size is None else size
    return content + b"\0" * (-size % tarfile.BLOCKSIZE)
