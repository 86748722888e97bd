"""Compiling every kernel of the store before it is needed, by a short life of a small store."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from bongsu.model.histograms import Histogram
from bongsu.model.labels import series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import HistogramRows, SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.storage.raw import read_selection
from bongsu.tsdb.side import SideBuffer
from bongsu.tsdb.store import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from bongsu.tsdb.database import Database

_STEP_MS = 60_000
_SAMPLES = 480
_SERIES = 100  # more than the first tables of the label index hold
_EVER = (0, 1 << 62)
_HISTOGRAM = Histogram(schema=0, zero_threshold=0.0, zero_count=1.0, count=1.0, sum=0.0)


STEPS = WRITTEN, READ, BLOCKS = "samples are written", "samples are read", "blocks are made"
"""What `warm_up` says of its steps; in the first hours of a store blocks are neither made nor read."""


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
        told(WRITTEN)
        store = _open(Path(folder), clock)
        project = store.project("warm-up", StoreOptions(retention_ms=0))
        many = [series_key({"__name__": "warm_up", "i": str(i)}) for i in range(_SERIES)]
        refs = project.resolve(many).refs[:1]
        times = start + _STEP_MS * np.arange(_SAMPLES, dtype=np.int64)
        project.append(SampleBatch(np.repeat(refs, _SAMPLES), times, np.sqrt(np.arange(_SAMPLES))))
        late = times[1:] - 1  # so many that their first table does not hold them
        project.append(SampleBatch(np.repeat(refs, len(late)), late, np.ones(len(late)), starts=late))
        in_place = HistogramRows(refs, late[:1], (_HISTOGRAM,))
        project.append(SampleBatch(refs[:0], times[:0], np.empty(0), histograms=in_place, overwrite=True))
        histograms = HistogramRows(np.repeat(refs, 2), times[:2] + 2, (_HISTOGRAM, _HISTOGRAM))
        project.append(SampleBatch(refs[:0], times[:0], np.empty(0), histograms=histograms))
        told(READ)
        _read(project)
        told(BLOCKS)
        store.upkeep()
        SideBuffer().take_floats(refs[:0])  # only a head of a thousand series is folded
        _read(project)
        project.append(SampleBatch(refs, times[-1:] + 1, np.ones(1)))  # in the log only, for the next start
        project.delete([[Matcher("__name__", MatchOp.REGEX, "warm.*")]], start, start + _STEP_MS)
        _read(project)
        store.close()
        again = _open(Path(folder), clock)
        _read(again.project("warm-up", StoreOptions(retention_ms=0)))
        again.close()


def _read(project: Database) -> None:
    for matchers in (
        [],
        [Matcher("__name__", MatchOp.EQUAL, "warm_up")],
        [Matcher("__name__", MatchOp.REGEX, "warm.*")],
    ):
        with project.select(matchers, *_EVER) as selection:
            list(read_selection(selection, *_EVER))
    project.label_values("i", [], *_EVER)


def _open(folder: Path, clock: ManualClock) -> TsdbStore:
    return TsdbStore(
        folder,
        clock=clock,
        registry=CollectorRegistry(),
        log=structlog.get_logger(),
        sync=lambda _: None,
        upkeep_interval_s=None,
    )
