"""
Selections whose chunks are handed out where they are: in mapped blocks, one after the other in time, and in the head's arenas.

Most selections are such. What has to be merged, late samples, deletions, overlaps, histograms, is left to `bongsu.tsdb.selection`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from bongsu.kernels.joining import AT, LAST, SAMPLES, join_view
from bongsu.storage.contract import ChunkView
from bongsu.tsdb.arenas import NO_TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.tsdb.block import Block
    from bongsu.tsdb.known_series import KnownSeries


class ChunkArrays(NamedTuple):
    """
    The chunks of some series, float samples without overlaps.

    Attributes
    ----------
    first : ndarray of int64, shape (n_series + 1,)
        Where the chunks of each series begin.
    used
        How many of the series have chunks.
    samples : ndarray of int64, shape (n_series,)
    wide, narrow
        Of each chunk, as in `bongsu.kernels.head_view`, with any room behind the last one.
    owners
        What keeps the memory behind the addresses alive.
    """

    first: NDArray[np.int64]
    used: int
    samples: NDArray[np.int64]
    wide: NDArray[np.int64]
    narrow: NDArray[np.uint8]
    owners: tuple[object, ...]


class TidySelection:
    """The series that matched, frozen as they lie."""

    def __init__(self, labels: LabelColumns, chunks: ChunkArrays) -> None:
        self.labels = labels
        self.sample_counts = chunks.samples
        self._chunks = chunks
        self._view = _view(chunks, 0, len(chunks.samples))

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return the chunks of a range of rows."""
        if start_row == 0 and stop_row == len(self.sample_counts):
            return self._view
        return _view(self._chunks, start_row, stop_row)

    def close(self) -> None:
        """Do nothing: memory goes when nobody has a view of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def tidy_selection(labels: LabelColumns, chunks: ChunkArrays) -> TidySelection:
    """Return the series that have chunks."""
    if chunks.used < len(labels):
        first = chunks.first
        used = np.flatnonzero(first[1:] > first[:-1])
        labels = labels.take(used)
        chunks = chunks._replace(first=np.append(first[used], first[-1]), samples=chunks.samples[used])
    return TidySelection(labels, chunks)


def follow_each_other(blocks: Sequence[Block]) -> bool:
    """Tell whether blocks, given by their first times, hide nothing and leave each other their time."""
    return not any(len(block.tombstones) for block in blocks) and all(
        earlier.meta.max_time < later.meta.min_time for earlier, later in itertools.pairwise(blocks)
    )


def join(
    known: KnownSeries, blocks: Sequence[Block], newest: ChunkArrays, start_ms: int, end_ms: int
) -> ChunkArrays | None:
    """
    Return the chunks of series in a closed range of time, from blocks that follow each other and then from the head.

    None where chunks overlap or hold histograms.

    Raises
    ------
    StoreDamaged
        If the bytes of a block fail a checksum.
    """
    found = [
        block.find(rows.rows, start_ms, end_ms) for block, rows in zip(blocks, known.blocks, strict=True)
    ]
    sizes = np.zeros(len(known.labels), dtype=np.int64)
    for rows, (_, counts) in zip(known.blocks, found, strict=True):
        sizes[rows.to] += counts
    sizes[known.head] += np.diff(newest.first)
    first = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=first[1:])
    cursor = np.zeros((3, len(sizes)), dtype=np.int64)
    cursor[AT], cursor[LAST] = first[:-1], NO_TIME
    wide, narrow = np.empty((4, first[-1]), dtype=np.int64), np.empty((3, first[-1]), dtype=np.uint8)
    for block, rows, ranges in zip(blocks, known.blocks, found, strict=True):
        if not block.join(ranges, rows.to, cursor, wide, narrow):
            return None
    if not join_view(newest.first, newest.wide, newest.narrow, known.head, cursor, wide, narrow):
        return None
    owners = (*newest.owners, *(block.memory for block in blocks))
    return ChunkArrays(first, int(np.count_nonzero(sizes)), cursor[SAMPLES], wide, narrow, owners)


def _view(chunks: ChunkArrays, start_row: int, stop_row: int) -> ChunkView:
    begin, stop = int(chunks.first[start_row]), int(chunks.first[stop_row])
    address, count, min_time, max_time = chunks.wide[:, begin:stop]
    kind, codec, flags = chunks.narrow[:, begin:stop]
    first = chunks.first[start_row : stop_row + 1]
    first = first - begin if begin else first
    return ChunkView(first, kind, codec, flags, address, count, min_time, max_time, chunks.owners)
