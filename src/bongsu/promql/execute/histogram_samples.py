"""Native histograms of a chunk view as columns: a dense part for each layout that a series has."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels import histogram_samples as kernels
from bongsu.model.histograms import ResetHint
from bongsu.model.samples import KIND_HISTOGRAM, STALE_BITS
from bongsu.promql.histograms.columns import NEGATIVE, POSITIVE, Dense, HistogramArray, HistogramCells, Layout
from bongsu.storage.contract import FLAG_STARTS
from bongsu.storage.histograms import decode_histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.storage.contract import ChunkView

_DENSE_CELLS = 4_000_000
"""A row of series whose dense form is larger (32 MB) is sparse: it has few buckets far apart, and is kept as objects."""

_COUNT_WORD, _SUM_WORD = 5, 6  # of the canonical bytes
_HINT_SHIFT, _HINT_MASK = 1, 3  # of the flags in the canonical bytes


@dataclass(frozen=True, slots=True)
class HistogramSamples:
    """
    Histogram samples of some series, in the order of their rows and times.

    Attributes
    ----------
    rows, times, starts : ndarray of int64, shape (n_samples,)
        Row of the view, Unix milliseconds, start timestamp (0: unknown).
    """

    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    starts: NDArray[np.int64]
    histograms: HistogramArray

    def take(self, kept: NDArray[np.bool_]) -> HistogramSamples:
        """Return some of the samples."""
        return HistogramSamples(self.rows[kept], self.times[kept], self.starts[kept], self.histograms[kept])


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The samples of one series: `words` hold their bytes from `places` on; `follows` tells which continue a chunk."""

    times: NDArray[np.int64]
    starts: NDArray[np.int64]
    words: NDArray[np.int64]
    places: NDArray[np.int64]
    follows: NDArray[np.bool_]


def read_histograms(
    view: ChunkView, start_ms: int, end_ms: int, *, own_hints: bool = False
) -> HistogramSamples:
    """
    Return the histogram samples of a view in ``[start_ms, end_ms]``.

    Their reset hints are settled as Prometheus' chunks settle them: of two samples that follow one another in a chunk the later
    one is known to be a reset, or not to be one; of the first one of a chunk nothing is known, unless its writer said that it is.
    A histogram whose sum is the stale marker is left out of the cells. With `own_hints` the histograms are what was written, bit
    for bit.
    """
    chunks = np.flatnonzero(
        (view.kind == KIND_HISTOGRAM) & (view.max_time >= start_ms) & (view.min_time <= end_ms)
    )
    rows = np.searchsorted(view.first_chunk, chunks, side="right") - 1
    found = []
    for row, own in itertools.groupby(
        zip(rows.tolist(), chunks.tolist(), strict=True), key=lambda pair: pair[0]
    ):
        encoded = _gathered(view, [chunk for _, chunk in own])
        wanted = (encoded.times >= start_ms) & (encoded.times <= end_ms)
        found.append((row, encoded, wanted, _objects(encoded) if own_hints else _columns(encoded)))
    return _joined(found)


def _joined(found: list[tuple[int, _Encoded, NDArray[np.bool_], HistogramArray]]) -> HistogramSamples:
    sizes = [int(wanted.sum()) for _, _, wanted, _ in found]
    cells = HistogramCells((sum(sizes),))
    for end, size, (_, _, wanted, histograms) in zip(itertools.accumulate(sizes), sizes, found, strict=True):
        cells.put_cells(slice(end - size, end), histograms[wanted])
    nothing = [np.empty(0, dtype=np.int64)]
    return HistogramSamples(
        np.repeat(np.array([row for row, *_ in found], dtype=np.int64), sizes),
        np.concatenate([encoded.times[wanted] for _, encoded, wanted, _ in found] or nothing),
        np.concatenate([encoded.starts[wanted] for _, encoded, wanted, _ in found] or nothing),
        cells.array(),
    )


def _gathered(view: ChunkView, chunks: list[int]) -> _Encoded:
    times, starts, words, places, follows = [], [], [], [], []
    begin = 0
    for chunk in chunks:
        length = int(view.count[chunk])
        with_starts = bool(view.flags[chunk] & FLAG_STARTS)
        head = 8 * length * (1 + with_starts) + 4 * (length + 1)
        fixed = view.chunk_bytes(chunk, head)
        times.append(fixed[: 8 * length].view(np.int64))
        if with_starts:
            starts.append(fixed[8 * length : 16 * length].view(np.int64))
        else:
            starts.append(np.zeros(length, dtype=np.int64))
        ends = fixed[head - 4 * (length + 1) :].view(np.uint32).astype(np.int64)
        # The bytes behind an even number of ends are no multiple of 8 away: the copy is.
        words.append(view.chunk_bytes(chunk, head + int(ends[-1]))[head:].copy().view(np.int64))
        places.append(begin + ends[:-1] // 8)
        follows.append(np.arange(length) > 0)
        begin += len(words[-1])
    return _Encoded(
        np.concatenate(times),
        np.concatenate(starts),
        np.concatenate(words),
        np.concatenate(places),
        np.concatenate(follows),
    )


def _columns(encoded: _Encoded) -> HistogramArray:
    """Return the histograms of one series, their hints settled."""
    shapes = kernels.scan_histograms(encoded.words, encoded.places)
    hints = (shapes[:, kernels.SHAPE_FLAGS] >> _HINT_SHIFT & _HINT_MASK).astype(np.uint8)
    groups = _groups(encoded, shapes)
    counts = encoded.words.view(np.float64)[encoded.places + _COUNT_WORD]
    stale = encoded.words[encoded.places + _SUM_WORD] == STALE_BITS
    follows = encoded.follows & np.concatenate(([False], (hints[:-1] != ResetHint.GAUGE) & ~stale[:-1]))
    changed = np.concatenate(([False], groups[1:] != groups[:-1]))
    cells = HistogramCells((len(encoded.places),))
    for group in range(int(groups.max(initial=-1)) + 1):
        own = np.flatnonzero(groups == group)
        layout = _layout(encoded, shapes[own], int(encoded.places[own[0]]))
        if layout.width * len(own) > _DENSE_CELLS:
            _put_objects(cells, encoded, own)
            continue
        rows = kernels.fill_rows(encoded.words, encoded.places[own], layout.negative, layout.positive)
        settled = hints[own]
        kernels.settle_hints(rows, follows[own] & ~changed[own], settled)
        # Of another layout nothing is known but that a count which fell is a reset.
        fell = follows & changed & np.concatenate(([False], counts[1:] < counts[:-1]))
        settled[fell[own] & (settled == ResetHint.UNKNOWN)] = ResetHint.RESET
        cells.put_rows(own, Dense(layout, rows, settled, _given(shapes[own])), np.arange(len(own)))
    return cells.array().where(~stale)


def _objects(encoded: _Encoded) -> HistogramArray:
    """Return the histograms of one series as they were written."""
    cells = HistogramCells((len(encoded.places),))
    _put_objects(cells, encoded, np.arange(len(encoded.places)))
    return cells.array()


def _groups(encoded: _Encoded, shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each sample's layout, from 0 in order of appearance."""
    schemas = shapes[:, kernels.SHAPE_SCHEMA]
    if not shapes[:, kernels.SHAPE_BOUNDS_DIFFER].any() and (schemas == schemas[:1]).all():
        return np.zeros(len(shapes), dtype=np.int64)
    known: dict[tuple[int, bytes], int] = {}
    keys = []
    for i, place in enumerate(encoded.places.tolist()):
        stop = int(encoded.places[i + 1]) if i + 1 < len(encoded.places) else len(encoded.words)
        bounds = encoded.words[stop - int(shapes[i, kernels.SHAPE_CUSTOM_VALUES]) : stop]
        keys.append((int(schemas[i]), encoded.words[place + 3 : place + 4].tobytes() + bounds.tobytes()))
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)


def _layout(encoded: _Encoded, shapes: NDArray[np.int64], place: int) -> Layout:
    """Return the layout of some samples, of which the first one begins at `place`."""
    first = decode_histogram(_bytes_at(encoded, place))
    return Layout(
        first.schema,
        first.zero_threshold,
        first.custom_values,
        _side(shapes[:, kernels.SHAPE_NEGATIVE_FIRST], shapes[:, kernels.SHAPE_NEGATIVE_STOP]),
        _side(shapes[:, kernels.SHAPE_POSITIVE_FIRST], shapes[:, kernels.SHAPE_POSITIVE_STOP]),
    )


def _given(shapes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return on which sides each sample lists buckets."""
    negative = shapes[:, kernels.SHAPE_NEGATIVE_STOP] > shapes[:, kernels.SHAPE_NEGATIVE_FIRST]
    positive = shapes[:, kernels.SHAPE_POSITIVE_STOP] > shapes[:, kernels.SHAPE_POSITIVE_FIRST]
    return (negative * NEGATIVE + positive * POSITIVE).astype(np.uint8)


def _side(first: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[int, int]:
    used = stop > first
    if not used.any():
        return 0, 0
    lowest = int(first[used].min())
    return lowest, int(stop[used].max()) - lowest


def _put_objects(cells: HistogramCells, encoded: _Encoded, own: NDArray[np.intp]) -> None:
    for i in own.tolist():
        cells.put((i,), decode_histogram(_bytes_at(encoded, int(encoded.places[i]))))


def _bytes_at(encoded: _Encoded, place: int) -> bytes:
    after = int(np.searchsorted(encoded.places, place, side="right"))
    stop = int(encoded.places[after]) if after < len(encoded.places) else len(encoded.words)
    return encoded.words[place:stop].tobytes()
