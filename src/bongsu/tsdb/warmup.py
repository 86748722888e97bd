"""Compiling every kernel of the store before it is needed, by a short life of a small store."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.storage.raw import read_selection
from bongsu.tsdb.store import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_MS = 60_000
_SAMPLES = 480
_EVER = (0, 1 << 62)


def warm_up(told: Callable[[str], None]) -> None:
    """
    Compile, or load from the cache, what the store's kernels need; takes seconds the first time, and a moment later on.

    Parameters
    ----------
    told
        Takes a line before each step, for whoever waits.
    """
    clock = ManualClock()
    start = clock.now_ms() - _SAMPLES * _STEP_MS
    with tempfile.TemporaryDirectory(prefix="bongsu-warm-up-") as folder:
        told("compiling the kernels that write samples")
        store = _open(Path(folder), clock)
        project = store.project("warm-up", StoreOptions(retention_ms=0))
        refs = project.resolve([series_key({"__name__": "warm_up"})]).refs
        times = start + _STEP_MS * np.arange(_SAMPLES, dtype=np.int64)
        project.append(SampleBatch(np.repeat(refs, _SAMPLES), times, np.sqrt(np.arange(_SAMPLES))))
        project.append(SampleBatch(refs, times[:1] + 1, np.ones(1), starts=times[:1]))
        told("compiling the kernels that read samples")
        with project.select([], *_EVER) as selection:
            list(read_selection(selection, *_EVER))
        told("compiling the kernels of blocks")
        store.upkeep()
        with project.select([], *_EVER) as selection:
            list(read_selection(selection, *_EVER))
        store.close()
        _open(Path(folder), clock).close()


def _open(folder: Path, clock: ManualClock) -> TsdbStore:
    return TsdbStore(
        folder,
        clock=clock,
        registry=CollectorRegistry(),
        log=structlog.get_logger(),
        sync=lambda _: None,
        upkeep_interval_s=None,
    )
