"""Series of a script put into a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.promql.promqltest.nhcb import native_series
from tests.support.remote_write import SentSeries

from bongsu.model.histograms import Histogram
from bongsu.model.labels import series_key
from bongsu.model.samples import HistogramRows, SampleBatch

if TYPE_CHECKING:
    from tests.promql.promqltest.script import Load, Series

    from bongsu.storage.contract import ProjectStore


def load_into(store: ProjectStore, load: Load) -> None:
    """Store the series of a load command, and its classic histograms as native ones where it says so."""
    for series in [*load.series, *(native_series(load.series) if load.with_nhcb else [])]:
        _store(store, series, load.step_ms)


def sent_series(load: Load) -> list[SentSeries]:
    """Return the series of a load command in the form of remote write."""
    return [
        SentSeries(
            tuple(sorted(series.labels.items())),
            tuple((i * load.step_ms, c, 0) for i, c in enumerate(series.cells) if isinstance(c, float)),
            tuple((i * load.step_ms, c, 0) for i, c in enumerate(series.cells) if isinstance(c, Histogram)),
        )
        for series in [*load.series, *(native_series(load.series) if load.with_nhcb else [])]
    ]


def _store(store: ProjectStore, series: Series, step_ms: int) -> None:
    ref = int(store.resolve([series_key(series.labels)]).refs[0])
    cells = [(step, cell) for step, cell in enumerate(series.cells) if cell is not None]
    floats = [(step, cell) for step, cell in cells if not isinstance(cell, Histogram)]
    histograms = [(step, cell) for step, cell in cells if isinstance(cell, Histogram)]
    batch = SampleBatch(
        refs=np.full(len(floats), ref, dtype=np.int64),
        timestamps=np.array([step * step_ms for step, _ in floats], dtype=np.int64),
        values=np.array([cell for _, cell in floats], dtype=np.float64),
        starts=_starts(series, [step for step, _ in floats]),
        histograms=HistogramRows(
            refs=np.full(len(histograms), ref, dtype=np.int64),
            timestamps=np.array([step * step_ms for step, _ in histograms], dtype=np.int64),
            values=tuple(cell for _, cell in histograms),
            starts=_starts(series, [step for step, _ in histograms]),
        ),
        overwrite=True,  # a later load of the same series adds to the former one
    )
    rejections = store.append(batch).rejections
    if rejections:
        raise ValueError(f"the store refused {len(rejections)} samples: {rejections[0].message}")


def _starts(series: Series, steps: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    if not series.starts:
        return None
    known = [series.starts[step] if step < len(series.starts) else None for step in steps]
    return np.array([start or 0 for start in known], dtype=np.int64)
