"""
Measures the memory that 100,000 series of ticks take: the real-time state, the writers, and the embedded store's head.

    python -m benchmarks.apm.memory [--series 100000] [--ticks 60]

Two projects of as many agents as make the series; every agent sends transactions and a report of gauges each tick, and every tick is
written into a real store in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry
from tests.support.apm import metrics, resource, span, spans

from benchmarks.apm.realtime import report, resident_mb
from bongsu.apm.engine import ApmEngine
from bongsu.apm.settings import TICK_MS, ApmSettings
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore

NOW_MS = 1_700_000_000_000
PROJECTS = ("one", "two")
SERIES_OF_AGENT = 37
"""What a tick writes of an active agent."""
SPANS = 5
_FIRST_WRITTEN = 3
"""The tick in which all series are there: the grace period comes before."""


def send(engine: ApmEngine, project: str, agents: int, begin_ms: int) -> None:
    """Send one tick's spans and gauges of every agent."""
    for agent in range(agents):
        of = resource(f"i{agent}", host=f"host-{agent // 2}")
        items = [
            span(begin_ms + 1_000, elapsed_ms=5 + number, user=f"user-{agent}") for number in range(SPANS)
        ]
        engine.add_spans(project, spans(*items, of=of))
        engine.add_metrics(project, metrics(*report(begin_ms + 3_900, agent), of=of))  # type: ignore[arg-type]


async def run(series: int, ticks: int, folder: Path) -> None:
    clock, registry = ManualClock(NOW_MS), CollectorRegistry()
    store = TsdbStore(folder, clock=clock, registry=registry, log=structlog.get_logger())
    stores: dict[str, ProjectStore] = {
        name: store.project(name, StoreOptions(retention_ms=0)) for name in PROJECTS
    }
    settings = ApmSettings()
    engine = ApmEngine(
        settings,
        secret=b"secret",
        store_of=stores.__getitem__,
        clock=clock,
        registry=registry,
        log=structlog.get_logger(),
    )
    agents = -(-series // (SERIES_OF_AGENT * len(PROJECTS)))
    before = resident_mb()
    seconds = []
    for tick in range(ticks):
        begin = NOW_MS + tick * TICK_MS
        await clock.advance((begin + 4_000 - clock.now_ms()) / 1000)
        for project in PROJECTS:
            send(engine, project, agents, begin)
        begun = time.process_time()
        engine.tick()
        seconds.append(time.process_time() - begun)
        if tick == _FIRST_WRITTEN:
            print(f"with the first ticks written: {resident_mb() - before:.0f} MB")
    kept = sum(one.stats().series for one in stores.values())
    print(
        f"{agents * len(PROJECTS)} agents in {len(PROJECTS)} projects, {kept:,} series, {ticks} ticks: "
        f"{resident_mb() - before:.0f} MB; sealing and writing {sorted(seconds)[ticks // 2]:.2f} s of processor a tick"
    )
    store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=60)
    given = parser.parse_args()
    print(
        json.dumps(
            {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(given.series, given.ticks, Path(folder)))
