"""
How the store's costs grow with series and with samples, each point in a process of its own.

``python -m benchmarks.compare.growth SERIES STEPS`` measures one point and prints it as JSON.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import structlog
from prometheus_client import CollectorRegistry

from benchmarks.compare.dataset import STEP_MS, Shape, make_hosts
from benchmarks.compare.programs import ROOT
from benchmarks.compare.report import OURS, Measure, Section, Target
from bongsu.model.labels import series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.dataset import Host
    from bongsu.storage.contract import ProjectStore

START_MS = 1_700_000_000_000 // 7_200_000 * 7_200_000
SCRAPE_ROWS = 2_000
"""Rows of a batch: a large target's scrape, or a remote write request."""

Point = dict[str, float]


def measure_growth(bench: Bench) -> Section:
    """Measure both curves."""
    by_series = [_measure_apart(bench, series, 20) for series in bench.sizes.growth_series]
    by_samples = [_measure_apart(bench, 2_000, steps) for steps in bench.sizes.growth_samples]
    last = by_series[-1]
    size = f"{last['series']:,.0f} series"
    return Section(
        "Growth of the store's costs",
        "The store alone, in one process, by its Protocol: batches of 2,000 known series with one sample each, durable. `sync` is left in: it is "
        "part of what an append waits for, not of its processor time.",
        [
            Measure(
                "append, processor time",
                "M samples/s of one core",
                {OURS: statistics.median(point["append_cpu"] for point in by_series + by_samples) / 1e6},
                more_is_better=True,
                target=(Target(3.0),),
            ),
            Measure(
                "replay of the log",
                "M samples/s",
                {OURS: by_samples[-1]["replay"] / 1e6},
                more_is_better=True,
                target=(Target(3.0),),
            ),
            Measure(f"select one series of {size}", "ms", {OURS: last["one_ms"]}, target=(Target(2.0),)),
            Measure(
                f"select 1% of {size} by a regular expression over {last['instances']:,.0f} values",
                "ms",
                {OURS: last["pattern_ms"]},
                target=(Target(20.0),),
            ),
            Measure(f"memory a series, {size} of 20 samples", "bytes", {OURS: last["bytes"]}),
        ],
        tables=[
            "With series (20 samples each):\n\n" + _curve(by_series),
            "With samples (2,000 series):\n\n" + _curve(by_samples),
        ],
    )


_COLUMNS = {
    "series": ("series", 1),
    "samples": ("samples", 1),
    "create": ("new series/s", 1),
    "append": ("append, samples/s", 1),
    "append_cpu": ("append, samples/CPU s", 1),
    "one_ms": ("select one, ms", 0.01),
    "pattern_ms": ("select 1% by pattern, ms", 0.01),
    "all_ms": ("select all and gather, ms", 0.1),
    "bytes": ("memory a series, bytes", 1),
    "log": ("log, bytes a sample", 0.01),
    "replay": ("replay, samples/s", 1),
}
"""Heading and precision by field."""


def _curve(points: Sequence[Point]) -> str:
    lines = ["| " + " | ".join(head for head, _ in _COLUMNS.values()) + " |", "|" + "---:|" * len(_COLUMNS)]
    for point in points:
        cells = [
            f"{point[name]:,.0f}" if step == 1 else f"{point[name]:,.{len(str(step)) - 2}f}"
            for name, (_, step) in _COLUMNS.items()
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _measure_apart(bench: Bench, series: int, steps: int) -> Point:
    """Measure one point in a new process: memory that others left behind does not count."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.compare.growth", str(series), str(steps), str(bench.folder)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    point: Point = json.loads(answer.stdout.splitlines()[-1])
    bench.say(
        f"growth, {series:,} series x {steps}: append {point['append']:,.0f}/s, replay {point['replay']:,.0f}/s"
    )
    return point


def _measure(folder: Path, n_series: int, steps: int) -> Point:
    hosts = _hosts(n_series, steps)
    keys = [series_key(labels) for host in hosts for labels in host.labels][:n_series]
    values = np.vstack([host.values for host in hosts])[:n_series]
    _warm(folder / "warm", keys[:200], values[:200])
    clock = ManualClock(START_MS)
    process = psutil.Process()
    with closing(_open(folder / "store", clock)) as store:
        before = process.memory_info().rss
        project = store.project("bench", StoreOptions(retention_ms=0))
        began = time.perf_counter()
        refs = np.concatenate(
            [project.resolve(keys[at : at + SCRAPE_ROWS]).refs for at in range(0, n_series, SCRAPE_ROWS)]
        )
        create = time.perf_counter() - began
        wall, cpu = _append(project, refs, values)
        resident = process.memory_info().rss - before
        samples = n_series * steps
        point: Point = {
            "series": n_series,
            "samples": samples,
            "instances": len(hosts),
            "create": n_series / create,
            "append": samples / wall,
            "append_cpu": samples / cpu,
            "bytes": resident / n_series,
            "log": store.status().log_bytes / samples,
            **_selections(project, hosts, n_series),
        }
    began = time.perf_counter()
    with closing(_open(folder / "store", clock)) as store:
        point["replay"] = samples / (time.perf_counter() - began)
        found = store.project("bench", StoreOptions(retention_ms=0)).stats().series
        if found != n_series:
            raise AssertionError(f"BUG: {found} series came back of {n_series}")
    return point


def _hosts(n_series: int, steps: int) -> list[Host]:
    return list(make_hosts(Shape(-(-n_series // 200), steps, START_MS + steps * STEP_MS, churn_per_hour=0)))


def _warm(folder: Path, keys: list[bytes], values: NDArray[np.float64]) -> None:
    """Load the kernels, so that it is not measured."""
    for _ in range(2):
        with closing(_open(folder, ManualClock(START_MS))) as store:
            project = store.project("warm", StoreOptions(retention_ms=0))
            _append(project, project.resolve(keys).refs, values[:, :20])
            with project.select([], 0, 1 << 62) as selection:
                selection.chunks(0, len(selection.labels))


def _append(
    project: ProjectStore, refs: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[float, float]:
    """Append step by step; return wall and processor seconds of the calls alone."""
    wall = cpu = 0.0
    for step in range(values.shape[1]):
        column = np.ascontiguousarray(values[:, step])
        at = np.full(len(refs), START_MS + STEP_MS * step, dtype=np.int64)
        began, used = time.perf_counter(), time.process_time()
        for first in range(0, len(refs), SCRAPE_ROWS):
            rows = slice(first, first + SCRAPE_ROWS)
            project.append(SampleBatch(refs[rows], at[rows], column[rows]))
        wall += time.perf_counter() - began
        cpu += time.process_time() - used
    return wall, cpu


def _selections(project: ProjectStore, hosts: Sequence[Host], n_series: int) -> Point:
    instance = hosts[len(hosts) // 2].labels[0]["instance"]
    one = [
        Matcher("__name__", MatchOp.EQUAL, "node_load1"),
        Matcher("instance", MatchOp.EQUAL, instance),
    ]
    # Two last digits of the slot are one in a hundred.
    pattern = [Matcher("instance", MatchOp.REGEX, "host-.*07-0\\.example\\.com:.*")]
    return {
        "one_ms": _best_ms(project, one),
        "pattern_ms": _best_ms(project, pattern),
        "all_ms": _best_ms(project, [], gather=n_series),
    }


def _best_ms(project: ProjectStore, matchers: Sequence[Matcher], *, gather: int = 0) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        with project.select(matchers, 0, 1 << 62) as selection:
            if gather:
                selection.chunks(0, len(selection.labels))
        times.append(1000 * (time.perf_counter() - began))
    return min(times)


def _open(folder: Path, clock: ManualClock) -> TsdbStore:
    return TsdbStore(
        folder, upkeep_interval_s=None, clock=clock, registry=CollectorRegistry(), log=structlog.get_logger()
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as temporary:
        print(json.dumps(_measure(Path(temporary), int(sys.argv[1]), int(sys.argv[2]))))
