"""Merging of untidy rows: chunks that overlap, late samples, deletions, histograms outside the range; all rows by a few kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
)
from bongsu.kernels.histogram_chunks import PACKED_HISTOGRAMS, decode_histograms, raw_sizes
from bongsu.kernels.merge import (
    FLOAT,
    NEVER_HIDDEN,
    SIZE,
    TIME,
    cut_runs,
    merge_rows,
    read_chunks,
    write_runs,
)
from bongsu.storage.contract import FLAG_STARTS
from bongsu.tsdb.arrays import ranges
from bongsu.tsdb.parts import KIND_SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.tsdb.parts import Part

PART = 7
"""Column of a selection's chunk table that tells the part; parts later in the list win over earlier ones."""

_PADDING = 16
"""Bytes behind the last chunk: a kernel may read one word ahead."""


class Untidy:
    """
    What a selection has beside tidy chunks, and the merging of the rows that have it.

    Parameters
    ----------
    parts, rows
        The parts, and for each the row of the selection of each of its rows.
    table, first
        The selection's chunks by row and time, with their parts.
    bounds
        Closed range of time that the rows are trimmed to.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        rows: Sequence[NDArray[np.int64]],
        table: NDArray[np.int64],
        first: NDArray[np.int64],
        bounds: tuple[int, int],
    ) -> None:
        self._table = table
        self._first = first
        self._bounds = np.array(bounds, dtype=np.int64)
        self._extras = [
            (number, rows[number][p.extra.rows], p.extra)
            for number, p in enumerate(parts)
            if len(p.extra.rows)
        ]
        hidden = [np.empty((0, 4), dtype=np.int64)]
        for number, part in enumerate(parts):
            if len(part.hidden):
                of_part = np.full(len(part.hidden), number, dtype=np.int64)
                hidden.append(np.column_stack((rows[number][part.hidden[:, 0]], of_part, part.hidden[:, 1:])))
        every = np.concatenate(hidden)
        self._hidden = every[np.argsort(every[:, 0], kind="stable")]

    def close(self) -> None:
        """Let go of what is kept alive."""
        self._extras = []
        self._table = self._table[:0]

    def extra_counts(self, n_rows: int) -> NDArray[np.int64]:
        """Return how many samples each row has that are in no chunk."""
        counts = np.zeros(n_rows, dtype=np.int64)
        for _, rows, extra in self._extras:
            counts[rows] += np.diff(extra.first)
        return counts

    def extra_histograms(self, n_rows: int) -> NDArray[np.int64]:
        """Return how many histograms each row has that are in no chunk."""
        counts = np.zeros(n_rows, dtype=np.int64)
        for _, rows, extra in self._extras:
            before = np.concatenate(([0], np.cumsum(extra.samples[SIZE] != FLOAT)))
            counts[rows] += before[extra.first[1:]] - before[extra.first[:-1]]
        return counts

    def rows_with_more(self, n_rows: int) -> NDArray[np.bool_]:
        """Tell which rows have samples in no chunk, or deleted ones."""
        found = np.zeros(n_rows, dtype=np.bool_)
        found[self._hidden[:, 0]] = True
        for _, rows, _ in self._extras:
            found[rows] = True
        return found

    def is_odd_histogram(self) -> NDArray[np.bool_]:
        """Tell which chunks are histograms that are packed or reach beyond the range."""
        table = self._table
        is_histogram: NDArray[np.bool_] = table[:, ENTRY_SHAPE] >> KIND_SHIFT & 1 == 1
        if not is_histogram.any():
            return is_histogram
        outside = (table[:, ENTRY_MIN_TIME] < self._bounds[0]) | (table[:, ENTRY_MAX_TIME] > self._bounds[1])
        outside |= table[:, ENTRY_SHAPE] & 0xFF == PACKED_HISTOGRAMS
        odd: NDArray[np.bool_] = is_histogram & outside
        return odd

    def merge(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Return raw chunks with all samples of some rows: their table, where each row begins in it, and the bytes."""
        samples, pieces, first_piece, unpacked = self._pieces(rows)
        first_hidden = np.searchsorted(self._hidden[:, 0], rows, side="left")
        last_hidden = np.searchsorted(self._hidden[:, 0], rows, side="right")
        chosen = ranges(first_hidden, last_hidden)
        bounds = np.concatenate(([0], np.cumsum(last_hidden - first_hidden)))
        merged = np.empty_like(samples)
        first = np.empty(len(rows) + 1, dtype=np.int64)
        hidden = np.ascontiguousarray(self._hidden[chosen, 1:])
        merge_rows(samples, pieces, first_piece, hidden, bounds, self._bounds, merged, first)
        made = _raw_chunks(merged, first)
        del unpacked  # until here the samples were read from it
        return made

    def _pieces(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Return all samples of rows, the pieces that they come in, where the pieces of each row begin, and what histograms are in."""
        place = np.full(len(self._first), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        chosen = ranges(self._first[rows], self._first[rows + 1])
        owner = np.repeat(np.arange(len(rows)), self._first[rows + 1] - self._first[rows])
        # By row and part: the chunks of a part do not overlap, so that they are one piece.
        order = np.lexsort((self._table[chosen, ENTRY_MIN_TIME], self._table[chosen, PART], owner))
        table, owner = self._table[chosen[order]], owner[order]
        unpacked = unpack_histograms(table)
        ends = np.cumsum(table[:, ENTRY_SAMPLES])
        in_chunks = int(ends[-1]) if len(ends) else 0
        # Of one part the extra samples come last: they win.
        extras = []
        for number, extra_rows, extra in self._extras:
            mine = np.flatnonzero(place[extra_rows] >= 0)
            extras.append(
                (number, place[extra_rows[mine]], extra.first[mine], extra.first[mine + 1], extra.samples)
            )
        n = in_chunks + sum(int((last - begin).sum()) for _, _, begin, last, _ in extras)
        samples = np.empty((4, n), dtype=np.int64)
        read_chunks(table, samples)
        keys, pieces = [], []
        if len(table):
            same = (owner[1:] == owner[:-1]) & (table[1:, PART] == table[:-1, PART])
            last = np.flatnonzero(np.append(~same, True))
            piece_ends = ends[last]
            piece_begins = np.concatenate(([0], piece_ends[:-1]))
            pieces.append(np.column_stack((piece_begins, piece_ends, table[last, PART])))
            keys.append(np.column_stack((owner[last], 2 * table[last, PART])))
        at = in_chunks
        for number, owners, begin, stop, source in extras:
            sizes = stop - begin
            samples[:, at : at + int(sizes.sum())] = source[:, ranges(begin, stop)]
            piece_ends = at + np.cumsum(sizes)
            pieces.append(
                np.column_stack((piece_ends - sizes, piece_ends, np.full(len(sizes), NEVER_HIDDEN)))
            )
            keys.append(np.column_stack((owners, np.full(len(sizes), 2 * number + 1))))
            at += int(sizes.sum())
        key = np.concatenate([np.empty((0, 2), dtype=np.int64), *keys])
        every = np.concatenate([np.empty((0, 3), dtype=np.int64), *pieces])
        order = np.lexsort((key[:, 1], key[:, 0]))
        first_piece = np.searchsorted(key[order, 0], np.arange(len(rows) + 1)).astype(np.int64)
        return samples, np.ascontiguousarray(every[order]), first_piece, unpacked


def unpack_histograms(table: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Turn the packed histogram chunks of a table into raw ones, whose bytes are returned: whoever reads them keeps these."""
    packed = np.flatnonzero(
        (table[:, ENTRY_SHAPE] >> KIND_SHIFT & 1 == 1) & (table[:, ENTRY_SHAPE] & 0xFF == PACKED_HISTOGRAMS)
    )
    if not len(packed):
        return np.empty(0, dtype=np.uint8)
    chunks = np.ascontiguousarray(table[packed])
    sizes = np.empty(len(packed), dtype=np.int64)
    raw_sizes(chunks, sizes)
    places = np.cumsum(sizes) - sizes
    data = np.zeros(int(sizes.sum()) + _PADDING, dtype=np.uint8)
    decode_histograms(chunks, places, data)
    table[packed, ENTRY_AT] = data.ctypes.data + places
    table[packed, ENTRY_SIZE] = sizes
    table[packed, ENTRY_SHAPE] &= ~0xFF
    return data


def _raw_chunks(
    samples: NDArray[np.int64], first: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    n = int(first[-1])
    changes = np.count_nonzero((samples[SIZE, 1:n] == FLOAT) != (samples[SIZE, : max(n - 1, 0)] == FLOAT))
    runs = np.empty((len(first) + changes, 4), dtype=np.int64)
    runs = runs[: cut_runs(samples, first, runs)]
    data = np.zeros(int(runs[:, 2].sum()) + _PADDING, dtype=np.uint8)
    write_runs(samples, runs, data)
    begins, ends = runs[:, 0], runs[:, 1]
    table = np.zeros((len(runs), 8), dtype=np.int64)
    table[:, ENTRY_AT] = data.ctypes.data + np.cumsum(runs[:, 2]) - runs[:, 2]
    table[:, ENTRY_SHAPE] = (samples[SIZE, begins] != FLOAT).astype(np.int64) << KIND_SHIFT
    table[:, ENTRY_SHAPE] |= np.where(runs[:, 3] != 0, FLAG_STARTS << 8, 0)
    table[:, ENTRY_SAMPLES] = ends - begins
    table[:, ENTRY_MIN_TIME] = samples[TIME, begins]
    table[:, ENTRY_MAX_TIME] = samples[TIME, ends - 1]
    return table, np.searchsorted(begins, first).astype(np.int64), data
