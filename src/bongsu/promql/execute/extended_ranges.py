"""What a range selector with filled edges selects: the samples inside, and one at each edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.execute.extended_histograms import between, find_edges
from bongsu.promql.execute.histogram_windows import SampleRow
from bongsu.promql.execute.samples import SampleBlock
from bongsu.promql.histograms.columns import HistogramCells, concatenate, no_histograms
from bongsu.promql.parser.ast import Extent

if TYPE_CHECKING:
    from bongsu.promql.execute.range_functions import Window
    from bongsu.promql.histograms.sparse import Sparse


def extended_samples(window: Window, block: SampleBlock, lookback: int) -> SampleBlock:
    """Return the samples of the first window of each row, its edges filled; counters are not told from gauges here."""
    end = int(window.ends[0])
    start = end - window.span
    smoothed = window.extent is Extent.SMOOTHED
    parts = []
    for block_row in range(len(block.offsets) - 1):
        row = SampleRow.of_block(block, block_row)
        edges = find_edges(row.times, start, end, lookback, smoothed=smoothed)
        if edges is None:
            parts.append(SampleRow(row.times[:0], row.values[:0], row.histograms[:0]))
            continue
        first, last, next_stop = edges
        left, right = row.sample(first), row.sample(last)
        if smoothed and row.times[first] < start and first + 1 < next_stop:
            left = between(row, first + 1, start)
        if smoothed and last > 0 and row.times[last] > end:
            right = between(row, last, end)
        inner = slice(first + (row.times[first] <= start), last + (row.times[last] < end))
        edge_rows = [_edge(start, left), _edge(end, right)]
        parts.append(
            SampleRow(
                np.concatenate((edge_rows[0].times, row.times[inner], edge_rows[1].times)),
                np.concatenate((edge_rows[0].values, row.values[inner], edge_rows[1].values)),
                concatenate([edge_rows[0].histograms, row.histograms[inner], edge_rows[1].histograms]),
            )
        )
    return _joined(parts, block)


def _joined(parts: list[SampleRow], block: SampleBlock) -> SampleBlock:
    if not parts:
        return block
    offsets = np.concatenate(([0], np.cumsum([len(part.times) for part in parts]))).astype(np.int64)
    histograms = concatenate([part.histograms for part in parts])
    return SampleBlock(
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
        offsets,
        block.starts[:0],
        histograms if histograms.present().any() else None,
    )


def _edge(time: int, value: Sparse | float) -> SampleRow:
    times = np.array([time], dtype=np.int64)
    if isinstance(value, float):
        return SampleRow(times, np.array([value]), no_histograms((1,)))
    cells = HistogramCells((1,))
    cells.put((0,), value.frozen())
    return SampleRow(times, np.zeros(1), cells.array())
