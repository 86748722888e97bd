"""Writers, readers, deletions and upkeep at the same time, in one process."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support.stores import EVER, KEEP_ALL, Row, equals, expected, found, open_tsdb, write_rows

from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
WRITERS = 4
BATCHES = 60


def test_everything_written_is_found_whatever_else_goes_on(tmp_path: Path) -> None:
    rows = {
        worker: [
            Row({"__name__": "m", "worker": str(worker)}, BEGIN + 60_000 * i, float(i))
            for i in range(10 * BATCHES)
        ]
        for worker in range(WRITERS)
    }
    done = threading.Event()
    with contextlib.closing(
        open_tsdb(tmp_path, clock=ManualClock(BEGIN + 20 * HOUR), segment_bytes=5000)
    ) as store:
        project = store.project("one", KEEP_ALL)

        def write(worker: int) -> None:
            for i in range(0, 10 * BATCHES, 10):
                assert 10 == write_rows(project, rows[worker][i : i + 10]).written
                doomed = {"__name__": "doomed", "worker": str(worker)}
                write_rows(project, [Row(doomed, BEGIN + 60_000 * i, 1.0)])
            project.delete([[equals("__name__", "doomed"), equals("worker", str(worker))]], *EVER)

        def read() -> int:
            longest = 0
            while not done.is_set():
                for samples in found(project, equals("__name__", "m"), equals("worker", "1")).values():
                    assert [BEGIN + 60_000 * i for i in range(len(samples))] == [t for t, _, _ in samples]
                    assert longest <= len(samples)
                    longest = len(samples)
            return longest

        def tidy() -> None:
            while not done.is_set():
                store.upkeep()

        with ThreadPoolExecutor() as pool:
            reader, tidier = pool.submit(read), pool.submit(tidy)
            writers = [pool.submit(write, worker) for worker in range(WRITERS)]
            for writer in writers:
                writer.result(120)
            done.set()
            reader.result(120)
            tidier.result(120)
        assert expected(*(row for worker in rows.values() for row in worker)) == found(project)
        assert project.block_metas()
