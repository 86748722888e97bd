"""Writes without end, from several threads, and says on standard output what was acknowledged; run by the crash test."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.stores import EVER, Row, equals, open_tsdb, write_rows

from bongsu.storage.contract import Reason, StoreOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.storage.contract import ProjectStore

STEP_MS = 60_000
SERIES_STEPS = 300
"""A series lasts five hours of its own time: blocks are due while it is written."""


def say(*words: object) -> None:
    """Write a line in one piece: threads share the pipe, and a kill must not leave half a line with an end."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write_all(project: ProjectStore, rows: Sequence[Row]) -> None:
    """Write rows as senders do: a series that ended, and left the head between its look-up and the write, is made again."""
    while rejections := write_rows(project, rows).rejections:
        assert {Reason.UNKNOWN_SERIES} == {rejection.reason for rejection in rejections}


def main() -> None:
    """Open the store; let threads write, delete every third of their series, tidy, and take snapshots."""
    folder, base = Path(sys.argv[1]), int(sys.argv[2])
    store = open_tsdb(folder / "store", segment_bytes=20_000)
    project = store.project("crash", StoreOptions(retention_ms=0))

    def write(worker: int) -> None:
        step = 0
        while True:
            series = f"{worker}-{base}-{step // SERIES_STEPS}"
            times = [base + STEP_MS * (step + i) for i in range(10)]
            write_all(project, [Row({"__name__": "m", "series": series}, t, float(t)) for t in times])
            say("written", series, *times)
            step += 10
            if step % SERIES_STEPS == 0 and step // SERIES_STEPS % 3 == 0:
                say("deleting", series)
                project.delete([[equals("series", series)]], *EVER)
                say("deleted", series)

    def tidy() -> None:
        number = 0
        while True:
            store.upkeep()
            name = f"snapshot-{base}-{number}"
            say("snapshotting", name)
            store.snapshot(folder / name)
            say("snapshot", name)
            number += 1
            time.sleep(
                0.05
            )  # the kill comes at any moment; this only keeps snapshots from being all that happens

    for worker in range(3):
        threading.Thread(target=write, args=(worker,)).start()
    threading.Thread(target=tidy).start()


if __name__ == "__main__":
    main()
