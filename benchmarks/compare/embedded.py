"""The embedded store alone, by its Protocol, in this process: appends of known series, durable, and the decoding of chunks."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from benchmarks.compare.dataset import STEP_MS, Shape, make_hosts
from benchmarks.compare.report import OURS, Measure, Section, Target
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    decode_chunks,
)
from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.compare.bench import Bench
    from bongsu.storage.contract import ProjectStore, Selection

START_MS = 1_700_000_000_000 // 7_200_000 * 7_200_000
STEPS = 480
SCRAPE_ROWS, REQUEST_ROWS = 2_000, 10_000
"""A large target's scrape; five of the requests that senders make, as they are stored together when they wait."""

_ROUNDS = 3
_CORES = 2


def measure_embedded(bench: Bench) -> Section:
    """Measure appends and decoding."""
    hosts = list(make_hosts(Shape(50, STEPS, START_MS + STEPS * STEP_MS, churn_per_hour=0)))
    values = np.vstack([host.values for host in hosts])
    keys = [series_key(labels) for host in hosts for labels in host.labels]
    scraped = _append(bench.folder / "scraped", keys, values, SCRAPE_ROWS)
    written = _append(bench.folder / "written", keys, values, REQUEST_ROWS)
    bench.say(f"store: {scraped} by scrapes, {written} by requests")
    return Section(
        "The store alone",
        f"In one process, {len(keys):,} series of {STEPS} samples, durable. Decoding is of all chunks as a query finds them, with their times.",
        [
            _rate("append of scrapes, processor time", "M samples/s of one core", scraped["cpu"], 3.0),
            _rate("append of decoded requests, until they are durable", "M samples/s", written["wall"], 1.0),
            _rate(
                f"decoding of the head's chunks on {_CORES} cores", "M samples/s", scraped["decode"], 400.0
            ),
        ],
    )


def _rate(name: str, unit: str, rate: float, target: float) -> Measure:
    return Measure(name, unit, {OURS: rate / 1e6}, more_is_better=True, target=(Target(target),))


def _append(
    folder: Path, keys: list[bytes], values: NDArray[np.float64], rows_at_once: int
) -> dict[str, float]:
    """Append step by step and decode what is there; return samples a second."""
    store = TsdbStore(
        folder,
        upkeep_interval_s=None,
        clock=ManualClock(START_MS),
        registry=CollectorRegistry(),
        log=structlog.get_logger(),
    )
    with closing(store):
        project = store.project("bench", StoreOptions(retention_ms=0))
        refs = project.resolve(keys).refs
        wall = cpu = 0.0
        for step in range(STEPS):
            column = np.ascontiguousarray(values[:, step])
            at = np.full(len(refs), START_MS + STEP_MS * step, dtype=np.int64)
            began, used = time.perf_counter(), time.process_time()
            for first in range(0, len(refs), rows_at_once):
                rows = slice(first, first + rows_at_once)
                project.append(SampleBatch(refs[rows], at[rows], column[rows]))
            wall += time.perf_counter() - began
            cpu += time.process_time() - used
        return {"wall": values.size / wall, "cpu": values.size / cpu, "decode": _decode(project)}


def _decode(project: ProjectStore) -> float:
    """Return the samples a second that some threads decode, each by its processor time, the best of some rounds."""
    with project.select([], 0, 1 << 62) as selection, ThreadPoolExecutor(_CORES) as pool:
        bounds = np.linspace(0, len(selection.labels), _CORES + 1).astype(int).tolist()
        parts = [_Part(selection, low, high) for low, high in itertools.pairwise(bounds)]
        return max(sum(pool.map(_Part.rate, parts)) for _ in range(_ROUNDS))


class _Part:
    """The chunks of some series as the kernel takes them, with room for their samples."""

    def __init__(self, selection: Selection, low: int, high: int) -> None:
        view = selection.chunks(low, high)
        self._view = view  # keeps the chunks alive
        self._table = np.zeros((len(view.address), 8), dtype=np.int64)
        self._table[:, ENTRY_AT] = view.address
        self._table[:, ENTRY_SHAPE] = view.codec.astype(np.int64) | view.flags.astype(np.int64) << 8
        self._table[:, ENTRY_SAMPLES] = view.count
        self._table[:, ENTRY_MIN_TIME] = view.min_time
        self._table[:, ENTRY_MAX_TIME] = view.max_time
        self._ends = np.cumsum(self._table[:, ENTRY_SAMPLES])
        n = int(self._ends[-1])
        self._times, self._values = np.zeros(n, dtype=np.int64), np.zeros(n)
        self._starts = np.empty(0, dtype=np.int64)

    def rate(self) -> float:
        """Decode all; return the samples a second."""
        began = time.thread_time()
        decode_chunks(self._table, self._ends, self._times, self._values, self._starts)
        return len(self._times) / (time.thread_time() - began)
