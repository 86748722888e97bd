"""Opening stores in tests, and saying in a line what is written and what is found."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from bongsu.model.histograms import Histogram
from bongsu.model.labels import format_labels, series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import HistogramRows, SampleBatch
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreOptions
from bongsu.storage.histograms import encode_histogram
from bongsu.storage.raw import read_selection
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bongsu.storage.contract import AppendResult, ProjectStore

EVER = (-(1 << 62), 1 << 62)
KEEP_ALL = StoreOptions(retention_ms=0)

Found = dict[str, list[tuple[int, bytes, int]]]
"""Samples by formatted labels: timestamp, bits of the value, start timestamp."""


def open_tsdb(folder: Path, **options: Any) -> TsdbStore:
    """Open an embedded store with a registry and a clock of its own."""
    options.setdefault("clock", ManualClock())
    options.setdefault("registry", CollectorRegistry())
    options.setdefault("upkeep_interval_s", None)
    return TsdbStore(folder, log=structlog.get_logger(), **options)


@dataclass(frozen=True, slots=True)
class Row:
    """One sample to write."""

    labels: Mapping[str, str]
    timestamp: int
    value: float | Histogram
    start: int = 0


def write_rows(store: ProjectStore, rows: Sequence[Row], *, overwrite: bool = False) -> AppendResult:
    """Resolve and append rows, floats before histograms."""
    refs = store.resolve([series_key(row.labels) for row in rows]).refs.tolist()
    floats = [(ref, row) for ref, row in zip(refs, rows, strict=True) if not isinstance(row.value, Histogram)]
    histograms = [(ref, row) for ref, row in zip(refs, rows, strict=True) if isinstance(row.value, Histogram)]
    return store.append(
        SampleBatch(
            refs=_ints([ref for ref, _ in floats]),
            timestamps=_ints([row.timestamp for _, row in floats]),
            values=np.array([row.value for _, row in floats], dtype=np.float64),
            starts=_ints([row.start for _, row in floats]),
            histograms=HistogramRows(
                refs=_ints([ref for ref, _ in histograms]),
                timestamps=_ints([row.timestamp for _, row in histograms]),
                values=tuple(row.value for _, row in histograms if isinstance(row.value, Histogram)),
                starts=_ints([row.start for _, row in histograms]),
            ),
            overwrite=overwrite,
        )
    )


def found(store: ProjectStore, *matchers: Matcher, start_ms: int = EVER[0], end_ms: int = EVER[1]) -> Found:
    """Select and read everything; series without samples in the range are left out, as a reader would."""
    with store.select(matchers, start_ms, end_ms) as selection:
        rows = list(read_selection(selection, start_ms, end_ms))
        return {
            format_labels(selection.labels.labels(i)): [(s.timestamp, bits_of(s.value), s.start) for s in row]
            for i, row in enumerate(rows)
            if row
        }


def expected(*rows: Row) -> Found:
    """Return what `found` must say after these rows were written."""
    said: Found = {}
    for row in rows:
        value = encode_histogram(row.value) if isinstance(row.value, Histogram) else row.value
        said.setdefault(format_labels(row.labels), []).append((row.timestamp, bits_of(value), row.start))
    return {labels: sorted(samples) for labels, samples in said.items()}


def bits_of(value: float | bytes) -> bytes:
    """Return what makes two values the same: every bit."""
    return value if isinstance(value, bytes) else struct.pack("<d", value)


def equals(name: str, value: str) -> Matcher:
    """Return an equality matcher."""
    return Matcher(name, MatchOp.EQUAL, value)


def matches(name: str, pattern: str) -> Matcher:
    """Return a regular-expression matcher."""
    return Matcher(name, MatchOp.REGEX, pattern)


def a_histogram(total: int = 3, *, is_float: bool = False) -> Histogram:
    """Return a small valid histogram whose count is `total`."""
    return Histogram(
        schema=2,
        zero_threshold=1e-128,
        zero_count=1.0,
        count=float(total),
        sum=12.5,
        positive_spans=((0, 1), (2, 1)),
        positive_buckets=(1.0, float(total - 2)),
        is_float=is_float,
    )


def _ints(values: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)
