"""Writes without end, from several threads, and says on standard output what was acknowledged; run by the crash test."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from tests.support.stores import Row, open_tsdb, write_rows

from bongsu.storage.contract import StoreOptions


def main() -> None:
    """Open the store and let four threads write."""
    folder, base = Path(sys.argv[1]), int(sys.argv[2])
    store = open_tsdb(folder, segment_bytes=20_000)
    project = store.project("crash", StoreOptions(retention_ms=0))

    def write(worker: int) -> None:
        timestamp = base
        while True:
            series = f"{worker}-{timestamp // 50}"
            rows = [
                Row({"__name__": "m", "series": series}, timestamp + i, float(timestamp + i))
                for i in range(5)
            ]
            write_rows(project, rows)
            os.write(1, "".join(f"{series} {row.timestamp}\n" for row in rows).encode())
            timestamp += 5

    for worker in range(4):
        threading.Thread(target=write, args=(worker,)).start()


if __name__ == "__main__":
    main()
