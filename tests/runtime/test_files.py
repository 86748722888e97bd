"""Files that survive a crash, and the lock of a folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bongsu.runtime.files import FolderLock, checksum, write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_checksum_is_the_published_one_and_goes_on() -> None:
    assert 0xCBF43926 == checksum(b"123456789") == checksum(b"56789", checksum(b"1234"))


def test_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, [b"old"])

    def fsync(descriptor: int) -> None:
        raise OSError(errno.EIO, "failing on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="on purpose"):
            write_whole(path, [b"new"])

    assert (b"old", [path]) == (path.read_bytes(), list(tmp_path.iterdir()))
    write_whole(path, [b"n", b"ew"])
    assert b"new" == path.read_bytes()


def test_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "LOCK")
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path / "LOCK")

    lock.release()
    lock.release()

    FolderLock(tmp_path / "LOCK").release()


def test_lock_goes_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from bongsu.runtime.files import FolderLock; "
        "lock = FolderLock(pathlib.Path(sys.argv[1])); os._exit(9)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "LOCK")], check=False)

    assert 9 == ended.returncode
    FolderLock(tmp_path / "LOCK").release()
