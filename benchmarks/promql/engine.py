"""
Speed of PromQL over the embedded store, on seeded counters: by default 10,000 series, 6 hours, a sample every 15 s.

Prints wall and processor time of each query, best of some runs; the first run of all compiles or loads the kernels. The data
folder can be kept and used again with ``--folder``.
"""

from __future__ import annotations

import argparse
import cProfile
import platform
import pstats
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.promql.engine import Deadline, Engine, EngineOptions
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore

STEP_MS = 15_000
START_MS = 1_700_000_000_000 // 7_200_000 * 7_200_000

QUERIES = (
    "sum by (job) (rate(m_total[5m]))",
    "rate(m_total[5m])",
    "sum by (job) (m_total)",
    "m_total",
    "max_over_time(m_total[1h])",
    "avg_over_time(m_total[1h])",
    "quantile_over_time(0.9, m_total[1h])",
    "histogram_quantile(0.9, sum by (le) (rate(m_total[5m])))",
    "topk(5, rate(m_total[5m]))",
    "quantile by (job) (0.9, m_total)",
    "m_total / on (job, instance, le) m_total",
    "max_over_time(sum(rate(m_total[5m]))[1h:1m])",
    'sum(rate(m_total{instance=~"i-.*[02468]"}[5m]))',
    "count(m_total > 100)",
    "label_replace(m_total, 'x', '$1', 'instance', 'i-(.*)')",
)


def main() -> None:
    """Fill a store and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--step", type=int, default=60, help="seconds between the steps of a query")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="kept, and used again when it has data")
    parser.add_argument("--query", action="append", help="instead of the standard ones; may be repeated")
    parser.add_argument("--profile", action="store_true", help="show where Python's time goes")
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, python {platform.python_version()}, numba {numba.__version__}"
    )
    folder = options.folder or Path(tempfile.mkdtemp(prefix="bongsu-promql-"))
    n_samples = int(options.hours * 3_600_000 / STEP_MS)
    try:
        with closing(_open(folder)) as store:
            project = store.project("bench", StoreOptions(retention_ms=0))
            if project.stats().series == 0:
                fill(project, options.series, n_samples)
            measure(project, n_samples, options)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def _open(folder: Path) -> TsdbStore:
    clock = ManualClock(START_MS + 6 * 3_600_000)
    log = structlog.make_filtering_bound_logger(40)
    return TsdbStore(
        folder,
        clock=clock,
        registry=CollectorRegistry(),
        log=structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=log),
        upkeep_interval_s=None,
    )


def fill(project: ProjectStore, n_series: int, n_samples: int) -> None:
    """Write counters of different speeds, a tenth of which restart."""
    bounds = ["0.005", "0.01", "0.05", "0.1", "0.5", "1", "2.5", "5", "10", "+Inf"]
    keys = [
        series_key(
            {
                "__name__": "m_total",
                "job": f"j{i // 10 % 10}",
                "instance": f"i-{i // 100}",
                "le": bounds[i % 10],
            }
        )
        for i in range(n_series)
    ]
    refs = project.resolve(keys).refs
    random = np.random.default_rng(1)
    speed = np.sort(random.integers(1, 50, size=(n_series // 10, 10)), axis=1).cumsum(axis=1).ravel()
    total = np.zeros(n_series)
    began = time.perf_counter()
    for first in range(0, n_samples, 20):
        steps = min(20, n_samples - first)
        grown = total + np.cumsum(random.poisson(speed, size=(steps, n_series)), axis=0)
        total = grown[-1]
        if first == n_samples // 40 * 20:
            total[::10] = 0.0
        times = START_MS + STEP_MS * (first + np.arange(steps))
        project.append(SampleBatch(np.tile(refs, steps), np.repeat(times, n_series), grown.ravel()))
    print(f"wrote {n_series * n_samples:,} samples in {time.perf_counter() - began:.1f} s")


def measure(project: ProjectStore, n_samples: int, options: argparse.Namespace) -> None:
    """Run each query some times."""
    end = START_MS + STEP_MS * n_samples
    with closing(Engine(EngineOptions(threads=options.threads, max_samples=0))) as engine:
        for text in options.query or QUERIES:
            walls, cpus = [], []
            profile = cProfile.Profile(time.thread_time)
            for run in range(options.runs):
                if options.profile and run == options.runs - 1:
                    profile.enable()
                wall, cpu = time.perf_counter(), time.process_time()
                result = engine.range(
                    project, text, START_MS, end, options.step * 1000, deadline=Deadline(600)
                )
                walls.append(time.perf_counter() - wall)
                cpus.append(time.process_time() - cpu)
                profile.disable()
            samples = result.stats.samples
            print(
                f"{min(walls) * 1000:8.0f} ms wall {min(cpus) * 1000:8.0f} ms cpu "
                f"{samples / min(cpus) / 1e6:7.0f} M samples/s cpu  {text}"
            )
            if options.profile:
                pstats.Stats(profile).sort_stats("tottime").print_stats(14)


if __name__ == "__main__":
    main()
