"""
How the embedded store grows with series and samples: one row of a table for each number of series.

Series are those of a node exporter, a hundred names a host with values of its kinds. For each size: making the series, finding them
again, appending scrapes, bytes in log, head, memory and blocks, selections, checkpoint, and the start on what is on disk. Run it twice:
the first run also compiles the kernels. A million series for two hours take 3 GB of memory and 2 GB of disk.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from engine import START_MS, STEP_MS, _report_machine, make_values, open_store, resident

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreLimits, StoreOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from bongsu.tsdb.database import Database

KEEP_ALL = StoreOptions(retention_ms=0, limits=StoreLimits(max_series=0))
COLUMNS = (
    "series", "samples", "made/s", "found/s", "append M/s", "log B/s.", "head B/s.", "RSS B/series", "one ms", "regex ms", "all ms",
    "save s", "replay M/s", "start s", "flush M/s", "block B/s.", "start s blocks",
)  # fmt: skip


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, help="where the data goes for the time of the run")
    options = parser.parse_args()
    _report_machine()
    folder = Path(tempfile.mkdtemp(prefix="bongsu-scale-", dir=options.folder))
    try:
        measure(folder / "warm", 200, 130)  # compiles, or loads, the kernels
        print("  ".join(f"{name:>14}" for name in COLUMNS))
        for n_series in options.series:
            row = measure(folder / str(n_series), n_series, int(options.hours * 3_600_000 / STEP_MS))
            print("  ".join(f"{value:>14,.{2 if value < 100 else 0}f}" for value in row), flush=True)
            shutil.rmtree(folder / str(n_series))
        ten_million(folder / "start")
    finally:
        shutil.rmtree(folder)


def keys_of(n_series: int) -> list[bytes]:
    """Return series keys; names are sorted, as a key demands."""
    return [
        b"__name__\xffm%d\xffinstance\xffhost-%d\xffjob\xffnode\xffmode\xffx%d\xff"
        % (i % 100, i // 100, i % 7)
        for i in range(n_series)
    ]


def seconds(act: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def write(
    project: Database, refs: np.ndarray[tuple[int], np.dtype[np.int64]], first: int, steps: int
) -> None:
    """Append scrapes of all series; a thousand courses of values repeat."""
    n = len(refs)
    values = make_values(1000, first + steps, seed=7)[first:]
    for step in range(steps):
        row = np.tile(values[step], -(-n // 1000))[:n]
        at = np.full(n, START_MS + STEP_MS * (first + step), dtype=np.int64)
        project.append(SampleBatch(refs, at, row))


def select_ms(project: Database, *matchers: Matcher) -> float:
    """Return the best of three selections."""

    def select() -> None:
        project.select(matchers, 0, 1 << 62).close()

    return 1000 * min(seconds(select) for _ in range(3))


def measure(folder: Path, n: int, steps: int) -> list[float]:
    """Return the row of one size."""
    clock = ManualClock(START_MS)
    keys = keys_of(n)
    samples = n * steps
    store = open_store(folder, clock)
    project = store.project("bench", KEEP_ALL)
    before = resident()
    made = n / seconds(lambda: project.resolve(keys))
    found = n / seconds(lambda: project.resolve(keys))
    refs = project.resolve(keys).refs
    append = samples / seconds(lambda: write(project, refs, 0, steps)) / 1e6
    log_bytes = store.status().log_bytes / samples
    head_bytes = project.stats().bytes / samples
    memory = (resident() - before) / n
    one = select_ms(
        project,
        Matcher("__name__", MatchOp.EQUAL, "m7"),
        Matcher("instance", MatchOp.EQUAL, f"host-{n // 200}"),
    )
    regex = select_ms(project, Matcher("instance", MatchOp.REGEX, "host-.?.?77"))
    every = select_ms(project)
    store.close()
    again = []

    def reopen() -> None:
        again.append(open_store(folder, clock))
        again[-1].project("bench", KEEP_ALL).stats()

    replay = samples / seconds(reopen) / 1e6
    project = again[-1].project("bench", KEEP_ALL)
    save = seconds(project.save)
    again[-1].close()
    start = seconds(reopen)
    asyncio.run(clock.advance((2 * steps * STEP_MS + 4 * 3_600_000) / 1000))
    project = again[-1].project("bench", KEEP_ALL)
    # Two hours later, the old samples are due for a block.
    late = START_MS + steps * STEP_MS + 3 * 3_600_000
    project.append(SampleBatch(refs[:1], np.full(1, late, dtype=np.int64), np.ones(1)))
    flush = seconds(again[-1].upkeep)
    in_blocks = sum(meta.samples for meta in project.block_stats())
    size = sum(path.stat().st_size for path in folder.glob("projects/*/blocks/*"))
    again[-1].close()
    start_blocks = seconds(reopen)
    again[-1].close()
    return [
        n, samples, made, found, append, log_bytes, head_bytes, memory, one, regex, every, save, replay, start,
        in_blocks / flush / 1e6, size / max(in_blocks, 1), start_blocks,
    ]  # fmt: skip


def ten_million(folder: Path) -> None:
    """Measure a start with ten million samples in blocks and a million in the log."""
    clock = ManualClock(START_MS)
    store = open_store(folder, clock)
    project = store.project("bench", KEEP_ALL)
    refs = project.resolve(keys_of(10_000)).refs
    write(project, refs, 0, 1000)
    asyncio.run(clock.advance(1000 * STEP_MS / 1000))
    far = START_MS + 1000 * STEP_MS + 3 * 3_600_000
    project.append(SampleBatch(refs[:1], np.full(1, far, dtype=np.int64), np.ones(1)))
    asyncio.run(clock.advance(4 * 3600))
    store.upkeep()
    refs = project.resolve(keys_of(10_000)).refs  # the series had ended
    for step in range(100):
        at = np.full(len(refs), far + STEP_MS * (step + 1), dtype=np.int64)
        project.append(SampleBatch(refs, at, np.arange(len(refs)) + float(step)))
    in_blocks = sum(meta.samples for meta in project.block_stats())
    store.close()
    again = []

    def reopen() -> None:
        again.append(open_store(folder, clock))
        again[-1].project("bench", KEEP_ALL).stats()

    taken = seconds(reopen)
    print(f"start with {in_blocks:,} samples in blocks and 1,000,000 in the log: {taken:.2f} s")
    again[-1].close()


if __name__ == "__main__":
    main()
