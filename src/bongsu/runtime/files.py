"""Files that survive a crash: the lock of a data folder, folder syncing, whole-file replacement, checksums."""

from __future__ import annotations

import binascii
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Buffer

_TEMPORARY_SUFFIX = ".tmp"


def checksum(data: Buffer, seed: int = 0) -> int:
    """Return the CRC-32 (IEEE 802.3, reflected 0xEDB88320) of some bytes, going on from `seed`."""
    return binascii.crc32(data, seed)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable: files made, renamed or removed in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, parts: Iterable[Buffer]) -> None:
    """Write a file durably so that a crash leaves either the old one or the new one, never a part."""
    temporary = path.with_name(path.name + _TEMPORARY_SUFFIX)
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)
    sync_folder(path.parent)


class FolderLock:
    """
    One process per data folder: an exclusive lock on a file in it, which the kernel drops when the process ends, however it ends.

    Raises
    ------
    BlockingIOError
        If another process, or another lock of this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process in; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
