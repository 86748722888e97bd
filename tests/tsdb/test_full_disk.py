"""A small file system of its own that really fills up: writes are refused, reads go on, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.support.stores import KEEP_ALL, Row, expected, found, open_tsdb, write_rows

from bongsu.runtime.clock import ManualClock
from bongsu.storage.errors import StoreReadOnly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
UP = {"__name__": "up", "job": "a"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 2 MiB; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_full_file_system_refuses_writes_until_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(1_800_000))
    written: list[Row] = []
    with contextlib.closing(open_tsdb(small_disk / "store", clock=ManualClock(BEGIN + 90 * HOUR))) as store:
        project = store.project("one", KEEP_ALL)

        def write(count: int) -> None:
            first = len(written)
            rows = [Row(UP, BEGIN + 60_000 * (first + i), (first + i) / 7) for i in range(count)]
            write_rows(project, rows)
            written.extend(rows)

        def fill() -> None:
            for _ in range(1000):
                write(50)

        with pytest.raises(StoreReadOnly, match="full"):
            fill()
        assert written
        assert expected(*written) == found(project)
        store.upkeep()  # may find no room either; nothing breaks
        with contextlib.suppress(StoreReadOnly):
            store.project("two", KEEP_ALL)
        assert expected(*written) == found(project)

        ballast.unlink()
        write(50)
        store.upkeep()
        assert expected(*written) == found(project)
        assert None is store.status().refuses_writes
        assert {} == found(store.project("two", KEEP_ALL))

    with contextlib.closing(open_tsdb(small_disk / "store", clock=ManualClock(BEGIN + 90 * HOUR))) as store:
        assert expected(*written) == found(store.project("one", KEEP_ALL))
        assert () == store.verify()


def test_store_opens_and_answers_on_a_full_file_system(small_disk: Path) -> None:
    rows = [Row(UP, BEGIN + i, float(i)) for i in range(10)]
    with contextlib.closing(open_tsdb(small_disk / "store")) as store:
        write_rows(store.project("one", KEEP_ALL), rows)
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass

    with contextlib.closing(open_tsdb(small_disk / "store")) as store:
        project = store.project("one", KEEP_ALL)
        assert expected(*rows) == found(project)
        with pytest.raises(StoreReadOnly):
            write_rows(project, [Row(UP, BEGIN + 100, 1.0)])
        ballast.unlink()
        write_rows(project, [Row(UP, BEGIN + 100, 1.0)])
        assert expected(*rows, Row(UP, BEGIN + 100, 1.0)) == found(project)
