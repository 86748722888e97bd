"""Reads a backup: checks that it is whole, and makes a data folder of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bongsu.control.database import Database, sqlite_url
from bongsu.control.transfer import copy_database
from bongsu.model.errors import InvalidInput
from bongsu.runtime.files import sync_folder
from bongsu.server.backup import CONTROL, FORMAT, MANIFEST, PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MANIFEST_BYTES = 256 << 20
"""A hundred bytes a file; no backup has millions of files."""


@dataclass(frozen=True, slots=True)
class BackupContent:
    """What a backup holds, as its manifest says and its content proves."""

    version: str
    created_ms: int
    files: int
    bytes: int


def check_backup(archive: Path, progress: Callable[[int], None] = lambda _: None) -> BackupContent:
    """
    Read a whole backup, compare every file with its digest, and say what it holds.

    Parameters
    ----------
    progress
        Told the number of bytes that were read.

    Raises
    ------
    InvalidInput
        If it is no backup, cut off, damaged, or of a newer format.
    """
    return _read(archive, None, progress)


def restore(
    archive: Path, folder: Path, *, database: str = "", progress: Callable[[int], None] = lambda _: None
) -> BackupContent:
    """
    Make `folder` a data folder with the content of a backup: wholly, or not at all.

    Parameters
    ----------
    folder
        Must not exist, or be empty.
    database
        URL of an empty PostgreSQL database that takes the control data; by default they stay in the folder.

    Raises
    ------
    InvalidInput
        As `check_backup`; or if the folder or the database is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(
            f"{folder} is not empty; name a folder that is, or a new one", id="folder-not-empty"
        )
    making = folder.with_name(f"{folder.name}.restoring")
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir(parents=True)
        content = _read(archive, making, progress)
        if database:
            _move_control(making / CONTROL, database)
        making.rename(folder)  # takes the place of an empty folder
    finally:
        shutil.rmtree(making, ignore_errors=True)
    sync_folder(folder.parent)
    return content


def _move_control(file: Path, url: str) -> None:
    with (
        contextlib.closing(Database(sqlite_url(file))) as source,
        contextlib.closing(Database(url)) as target,
    ):
        copy_database(source, target)
    file.unlink()


def _read(archive: Path, target: Path | None, progress: Callable[[int], None]) -> BackupContent:
    found: dict[str, str] = {}
    total = 0
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r|") as members:
            for member in members:
                content = members.extractfile(member)
                if content is None:
                    raise _damaged(archive, f"{member.name!r} is no file")
                if member.name == MANIFEST:
                    return _compare(archive, content.read(MOST_MANIFEST_BYTES), found, total)
                found[member.name] = _take(content, _place(archive, member.name, target), progress)
                total += member.size
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(archive, str(error)) from error
    except OSError as error:
        raise InvalidInput(f"cannot restore {archive}: {error}", id="cannot-restore") from error
    raise _damaged(archive, f"it has no {MANIFEST} at its end, so it was cut off")


def _place(archive: Path, name: str, target: Path | None) -> Path | None:
    """Return where a file goes; a name that leads out of the folder is no backup's."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise _damaged(archive, f"the name {name!r} leads out of the folder")
    if target is None:
        return None
    place = target / path
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _take(content: IO[bytes], place: Path | None, progress: Callable[[int], None]) -> str:
    """Read one file to its place, if it has one, and return its digest."""
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        out = None
        if place is not None:
            out = stack.enter_context(open(place, "wb", opener=_private))
        while part := content.read(PART_BYTES):
            digest.update(part)
            progress(len(part))
            if out is not None:
                out.write(part)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    return digest.hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _compare(archive: Path, text: bytes, found: dict[str, str], total: int) -> BackupContent:
    try:
        manifest = json.loads(text)
        expected = dict(manifest["files"])
        content = BackupContent(str(manifest["version"]), int(manifest["createdMs"]), len(found), total)
        newest = int(manifest["format"])
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(archive, f"its {MANIFEST} cannot be read") from error
    if newest > FORMAT:
        raise InvalidInput(
            f"{archive} has format {newest}, newer than this program knows ({FORMAT}); use version {content.version}",
            id="backup-newer",
        )
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise _damaged(archive, f"{name!r} is missing, or not what was written")
    return content


def _damaged(archive: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{archive} is not a whole backup: {why}; nothing was restored", id="backup-damaged")
