"""Files of every format version are read: what one server wrote, each later one understands."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from tests.support.stores import KEEP_ALL, Row, a_histogram, expected, found, open_tsdb, write_rows

from bongsu.runtime.clock import ManualClock

SAMPLES = Path(__file__).parent / "format"
HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
UP = {"__name__": "up", "job": "봉수", "instance": "one:9100"}
LOAD = {"__name__": "load"}


def written_rows() -> tuple[list[Row], list[Row]]:
    """Return what the checked-in store holds: in blocks or the checkpoint, and in the log only."""
    old = [Row(UP, BEGIN + 60_000 * i, i / 4) for i in range(480)]
    old += [Row(LOAD, BEGIN + 60_000 * i + i % 3, float(i * i), start=BEGIN) for i in range(100)]
    old += [Row(LOAD, BEGIN + 7_000_000 + i, a_histogram(3 + i)) for i in range(3)]
    return old, [Row(UP, BEGIN + 8 * HOUR, 1.0), Row(LOAD, BEGIN + 5, -0.0)]


def write_store(folder: Path) -> None:
    """Make the files of the current version; run this module to check in a new version."""
    old, new = written_rows()
    store = open_tsdb(folder, clock=ManualClock(BEGIN + 8 * HOUR))
    project = store.project("one", KEEP_ALL)
    write_rows(project, old)
    store.upkeep()
    write_rows(project, new)
    project.delete([], BEGIN + 120_000, BEGIN + 180_000)
    store.close()


def test_version_1_is_read(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "version-1", tmp_path / "store")
    (tmp_path / "store" / "log").mkdir(exist_ok=True)
    with contextlib.closing(open_tsdb(tmp_path / "store", clock=ManualClock(BEGIN + 8 * HOUR))) as store:
        old, new = written_rows()
        kept = [row for row in [*old, *new] if not 120_000 <= row.timestamp - BEGIN <= 180_000]

        assert expected(*kept) == found(store.project("one", KEEP_ALL))
        assert () == store.verify()


if __name__ == "__main__":
    target = SAMPLES / f"version-{os.environ['FORMAT_VERSION']}"
    write_store(target)
    (target / "LOCK").unlink()
