"""
Speed and size of the embedded store on a seeded, node-exporter-like data set.

Prints rates and bytes a sample with the machine and the versions; run it twice, the first run also compiles the kernels.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from bongsu.kernels.chunks import decode_row
from bongsu.model.labels import series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP_MS = 15_000
START_MS = 1_700_000_000_000


def make_values(n_series: int, n_steps: int, seed: int) -> NDArray[np.float64]:
    """Return values of the kinds that a node exporter has, shape (n_steps, n_series)."""
    rng = np.random.default_rng(seed)
    values = np.empty((n_series, n_steps))
    for i in range(n_series):
        match i % 10:
            case 0 | 1 | 2:  # counters of seconds, two decimals
                values[i] = np.round(np.cumsum(rng.random(n_steps) * 15), 2)
            case 3 | 4:  # integer counters with bursts
                values[i] = np.cumsum(rng.poisson(rng.choice([0.2, 20, 3000]), n_steps))
            case 5 | 6:  # bytes in use
                values[i] = np.round(8e9 + np.cumsum(rng.normal(0, 50, n_steps))) * 4096
            case 7:  # a temperature
                values[i] = np.round(40 + np.cumsum(rng.normal(0, 0.3, n_steps)), 1)
            case _:  # what never changes
                values[i] = rng.choice([0.0, 1.0, 1024.0])
        if i % 10 < 5 and i % 3 == 0:  # a restart of what is counted
            values[i, n_steps // 2 :] -= values[i, n_steps // 2]
    return np.ascontiguousarray(values.T)


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def decode_all(
    first_chunk: NDArray[np.int64],
    kind: NDArray[np.uint8],
    codec: NDArray[np.uint8],
    flags: NDArray[np.uint8],
    address: NDArray[np.int64],
    count: NDArray[np.int64],
    min_time: NDArray[np.int64],
    max_time: NDArray[np.int64],
    rows: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
) -> int:
    """Decode every row, as a query's kernel does; return the samples."""
    total = 0
    for row in range(rows):
        total += decode_row(
            first_chunk,
            kind,
            codec,
            flags,
            address,
            count,
            min_time,
            max_time,
            row,
            0,
            1 << 62,
            times,
            values,
            starts,
        )
    return total


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--jitter", type=int, default=0, help="milliseconds, at most, around each scrape")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bongsu-bench-"))
    try:
        _report_machine()
        measure(folder / "warm", 500, 200, options.jitter)  # compiles, or loads, the kernels
        print()
        measure(folder / "measured", options.series, int(options.hours * 3_600_000 / STEP_MS), options.jitter)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, n_series: int, n_steps: int, jitter: int) -> None:
    """Append, select, decode, restart."""
    values = make_values(n_series, n_steps, seed=7)
    offsets = np.random.default_rng(8).integers(-jitter, jitter + 1, n_steps)
    keys = [
        series_key(
            {"__name__": f"m{i % 200}", "instance": f"host-{i // 200}", "job": "node", "mode": f"x{i % 7}"}
        )
        for i in range(n_series)
    ]
    clock = ManualClock(START_MS)
    store = open_store(folder, clock)
    before = resident()
    project = store.project("bench", StoreOptions(retention_ms=0))
    began = time.perf_counter()
    refs = project.resolve(keys).refs
    rate("new series", n_series, time.perf_counter() - began)
    began = time.perf_counter()
    project.resolve(keys)
    rate("known series resolved", n_series, time.perf_counter() - began)
    began = time.perf_counter()
    for step in range(n_steps):
        at = START_MS + STEP_MS * step + int(offsets[step])
        project.append(SampleBatch(refs, np.full(n_series, at, dtype=np.int64), values[step]))
    samples = n_series * n_steps
    rate("append, durable", samples, time.perf_counter() - began)
    print(f"{'log':>28}: {store.status().log_bytes / samples:.2f} bytes a sample")
    print(f"{'head':>28}: {project.stats().bytes / samples:.2f} bytes a sample (sealed chunks and open rows)")
    print(f"{'resident':>28}: {(resident() - before) / n_series:.0f} bytes a series more than before")
    select(project, samples)
    asyncio.run(clock.advance(STEP_MS * n_steps / 1000))
    began = time.perf_counter()
    store.upkeep()
    metas = project.block_stats()
    in_blocks = sum(meta.samples for meta in metas)
    if in_blocks:
        rate("written to blocks", in_blocks, time.perf_counter() - began)
        size = sum(path.stat().st_size for path in folder.glob("projects/*/blocks/*"))
        print(f"{'blocks':>28}: {size / in_blocks:.2f} bytes a sample, {len(metas)} blocks")
        select(project, samples)
    store.close()
    began = time.perf_counter()
    store = open_store(folder, clock)
    store.project("bench", StoreOptions(retention_ms=0)).stats()
    rate("restart", samples, time.perf_counter() - began)
    store.close()


def select(project: object, samples: int) -> None:
    """Select one series and all of them, and decode all."""
    one = [Matcher("__name__", MatchOp.EQUAL, "m7"), Matcher("instance", MatchOp.EQUAL, "host-3")]
    pattern = [Matcher("instance", MatchOp.REGEX, "host-1.?")]
    for name, matchers in (("select one", one), ("select by pattern", pattern), ("select all", [])):
        best = 1e9
        for _ in range(3):
            began = time.perf_counter()
            with project.select(matchers, 0, 1 << 62) as selection:  # type: ignore[attr-defined]
                pass
            best = min(best, time.perf_counter() - began)
        print(f"{name:>28}: {best * 1e3:.2f} ms, {len(selection.labels)} series")
    for name in ("gather and decode", "again"):
        began = time.perf_counter()
        with project.select([], 0, 1 << 62) as selection:  # type: ignore[attr-defined]
            view = selection.chunks(0, len(selection.labels))
        gathered = time.perf_counter() - began
        capacity = view.row_capacity()
        times, starts = np.empty(capacity, dtype=np.int64), np.empty(0, dtype=np.int64)
        out = np.empty(capacity)
        began = time.perf_counter()
        total = decode_all(*view.directory(), len(selection.labels), times, out, starts)
        seconds = time.perf_counter() - began
        print(
            f"{name:>28}: {gathered * 1e3:.1f} ms to gather, {total / seconds / 1e6:.0f} M samples/s decoded on one core"
        )
    threads = os.cpu_count() or 1
    with project.select([], 0, 1 << 62) as selection, concurrent.futures.ThreadPoolExecutor(threads) as pool:  # type: ignore[attr-defined]
        rows = np.linspace(0, len(selection.labels), threads + 1).astype(int).tolist()

        def decode(part: int) -> int:
            view = selection.chunks(rows[part], rows[part + 1])
            room = view.row_capacity()
            scratch = np.empty(room, dtype=np.int64), np.empty(room), np.empty(0, dtype=np.int64)
            return int(decode_all(*view.directory(), rows[part + 1] - rows[part], *scratch))

        began = time.perf_counter()
        shared = sum(pool.map(decode, range(threads)))
        seconds = time.perf_counter() - began
    print(f"{f'decoded by {threads} threads':>28}: {shared / seconds / 1e6:.0f} M samples/s, views included")
    if total != samples:
        raise AssertionError(f"BUG: {total} samples came back of {samples}")


def resident() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_store(folder: Path, clock: ManualClock) -> TsdbStore:
    """Open the store."""
    return TsdbStore(
        folder, upkeep_interval_s=None, clock=clock, registry=CollectorRegistry(), log=structlog.get_logger()
    )


def rate(name: str, count: int, seconds: float) -> None:
    """Print a rate."""
    print(f"{name:>28}: {count / seconds / 1e6:.2f} M/s ({seconds:.2f} s)")


def _report_machine() -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "?",
    )
    print(f"{model} x{os.cpu_count()}, Python {platform.python_version()}, numpy {np.__version__}, ", end="")
    print(f"numba {numba.__version__}, commit {commit}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
