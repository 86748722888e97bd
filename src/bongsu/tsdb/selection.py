"""
Selections: frozen series over head and blocks, handed out as chunk views.

Rows whose chunks are clean, not overlapping and with nothing to add or hide, are copied as they are, still compressed. The
others are decoded, merged and handed out as raw chunks.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

import numpy as np

from bongsu.kernels.head import AT, MAX_TIME, MIN_TIME, SAMPLES, SHAPE, SIZE, gather_words
from bongsu.model.label_columns import concat
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.storage.contract import ChunkView
from bongsu.storage.raw import ALIGNMENT, PADDING, Sample, chunks_of_samples, read_chunk, view_of_chunks
from bongsu.tsdb.parts import BUFFER, KIND_SHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.storage.raw import RawChunk
    from bongsu.tsdb.parts import Part

Value = TypeVar("Value")

_PART = 7
"""Column of a selection's chunk table that tells the part; parts later in the list win over earlier ones."""


class SelectedPart(NamedTuple):
    """A part with the labels and the identity of its rows; `identity` has both halves of the key's hash."""

    labels: LabelColumns
    identity: NDArray[np.int64]
    part: Part


class TsdbSelection:
    """
    The series that matched in any part, merged by identity.

    Parameters
    ----------
    parts
        Oldest source first, the head last: on equal times the later one wins.
    """

    def __init__(self, parts: Sequence[SelectedPart], start_ms: int, end_ms: int) -> None:
        self._range = (start_ms, end_ms)
        self._parts = [selected.part for selected in parts]
        self._buffers = [buffer for part in self._parts for buffer in part.buffers]
        rows, self._labels, self._identity = _merge_rows(parts)
        self._table, table_rows = self._merge_tables(rows)
        self._first = np.searchsorted(table_rows, np.arange(len(self._labels) + 1)).astype(np.int64)
        self._extra = _by_row([(rows[p], part.extra) for p, part in enumerate(self._parts)])
        self._hidden = _by_row([(rows[p], part.hidden) for p, part in enumerate(self._parts)])
        self._dirty = self._find_dirty(table_rows)
        self._counts = np.bincount(
            table_rows, weights=self._table[:, SAMPLES], minlength=len(self._labels)
        ).astype(np.int64)
        for row, extra in self._extra.items():
            self._counts[row] += sum(len(samples) for _, samples in extra)

    @property
    def labels(self) -> LabelColumns:
        """Labels of the series."""
        return self._labels

    @property
    def identity(self) -> NDArray[np.int64]:
        """Both halves of the key's hash of each series, shape (n_series, 2)."""
        return self._identity

    @property
    def sample_counts(self) -> NDArray[np.int64]:
        """Upper bound of each series' samples."""
        return self._counts

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return the chunks of a range of rows, over one fresh buffer."""
        first, stop = int(self._first[start_row]), int(self._first[stop_row])
        dirty = np.flatnonzero(self._dirty[start_row:stop_row]) + start_row
        if not len(dirty):
            return self._clean_view(np.arange(first, stop), self._first[start_row : stop_row + 1] - first)
        merged = view_of_chunks([self._merged_row(int(row)) for row in dirty])
        per_row = np.diff(self._first[start_row : stop_row + 1])
        clean = np.repeat(~self._dirty[start_row:stop_row], per_row)
        per_row[dirty - start_row] = 0
        view = self._clean_view(first + np.flatnonzero(clean), np.concatenate(([0], np.cumsum(per_row))))
        return _interleave(view, merged, dirty - start_row)

    def close(self) -> None:
        """Let go of buffers; harmless when repeated."""
        self._buffers = []
        self._parts = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _merge_tables(self, rows: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        tables, chunk_rows, buffers = [np.empty((0, 8), dtype=np.int64)], [np.empty(0, dtype=np.int64)], 0
        for number, part in enumerate(self._parts):
            table = part.table.copy()
            table[:, BUFFER] += buffers
            table[:, _PART] = number
            tables.append(table)
            chunk_rows.append(np.repeat(rows[number], np.diff(part.first)))
            buffers += len(part.buffers)
        table, table_rows = np.concatenate(tables), np.concatenate(chunk_rows)
        if len(self._parts) == 1 and (np.diff(table_rows) >= 0).all():
            return table, table_rows
        # The parts mostly come in order of time, each with rising rows: merging such runs is far cheaper than sorting by two keys.
        order = np.argsort(table_rows, kind="stable")
        sorted_rows, times = table_rows[order], table[order, MIN_TIME]
        if ((sorted_rows[1:] == sorted_rows[:-1]) & (times[1:] < times[:-1])).any():
            order = np.lexsort((table[:, MIN_TIME], table_rows))
        return table[order], table_rows[order]

    def _find_dirty(self, table_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        dirty = np.zeros(len(self._labels), dtype=np.bool_)
        # Sorted by their first time, chunks of a row that do not overlap their neighbour overlap none.
        overlap = (table_rows[1:] == table_rows[:-1]) & (
            self._table[1:, MIN_TIME] <= self._table[:-1, MAX_TIME]
        )
        dirty[table_rows[1:][overlap]] = True
        # Whoever decodes trims floats to the range; histograms are trimmed here.
        outside = (self._table[:, MIN_TIME] < self._range[0]) | (self._table[:, MAX_TIME] > self._range[1])
        dirty[table_rows[outside & (self._table[:, SHAPE] >> KIND_SHIFT & 1 == 1)]] = True
        dirty[list(self._extra)] = True
        dirty[list(self._hidden)] = True
        return dirty

    def _clean_view(self, chunks: NDArray[np.int64], first: NDArray[np.int64]) -> ChunkView:
        table = self._table[chunks]
        sizes = table[:, SIZE]
        ends = np.cumsum(sizes)
        offsets = ends - sizes
        size = int(ends[-1]) if len(ends) else 0
        data = np.empty(size + PADDING, dtype=np.uint8)
        data[size:] = 0
        words = data.view(np.uint64)
        for number in np.unique(table[:, BUFFER]).tolist():
            mine = np.flatnonzero(table[:, BUFFER] == number)
            buffer = self._buffers[number]
            source = buffer[: len(buffer) // ALIGNMENT * ALIGNMENT].view(np.uint64)
            gather_words(source, table[mine, AT], sizes[mine], words, offsets[mine])
        shape = table[:, SHAPE]
        return ChunkView(
            data=data,
            first_chunk=first.astype(np.int64),
            kind=np.where(shape >> KIND_SHIFT & 1, KIND_HISTOGRAM, KIND_FLOAT).astype(np.uint8),
            codec=shape.astype(np.uint8),
            flags=(shape >> 8).astype(np.uint8),
            offset=offsets,
            count=np.ascontiguousarray(table[:, SAMPLES]),
            min_time=np.ascontiguousarray(table[:, MIN_TIME]),
            max_time=np.ascontiguousarray(table[:, MAX_TIME]),
        )

    def _merged_row(self, row: int) -> list[RawChunk]:
        """Return one row with everything merged: later parts win, deleted samples are left out."""
        chunks = np.arange(self._first[row], self._first[row + 1])
        view = self._clean_view(chunks, np.array([0, len(chunks)], dtype=np.int64))
        hidden = dict(self._hidden.get(row, ()))
        extra = dict(self._extra.get(row, ()))
        merged: dict[int, Sample] = {}
        parts = self._table[chunks, _PART]
        for number in range(len(self._parts)):
            for chunk in np.flatnonzero(parts == number).tolist():
                for sample in read_chunk(view, chunk):
                    if not any(low <= sample.timestamp <= high for low, high in hidden.get(number, ())):
                        merged[sample.timestamp] = sample
            merged.update((sample.timestamp, sample) for sample in extra.get(number, ()))
        start_ms, end_ms = self._range
        return chunks_of_samples([s for t, s in sorted(merged.items()) if start_ms <= t <= end_ms])


def _merge_rows(
    parts: Sequence[SelectedPart],
) -> tuple[list[NDArray[np.int64]], LabelColumns, NDArray[np.int64]]:
    """Number the distinct series of all parts in order of appearance; return the row of each part's rows, labels, identity."""
    labels = concat([selected.labels for selected in parts])
    identity = np.concatenate([np.empty((0, 2), dtype=np.int64), *(selected.identity for selected in parts)])
    if len(parts) == 1:
        return [np.arange(len(labels), dtype=np.int64)], labels, identity
    order, is_new = _sorted_identities(identity)
    number = np.cumsum(is_new) - 1
    first = order[is_new]
    by_appearance = np.argsort(first)
    rank = np.empty(len(first), dtype=np.int64)
    rank[by_appearance] = np.arange(len(first))
    row_of = np.empty(len(order), dtype=np.int64)
    row_of[order] = rank[number]
    first = first[by_appearance]
    bounds = np.cumsum([0, *(len(selected.labels) for selected in parts)]).tolist()
    rows = [row_of[low:high] for low, high in itertools.pairwise(bounds)]
    return rows, labels.take(first), identity[first]


def _sorted_identities(identity: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return an order that brings equal identities together, the first to appear in front, and where in it a new one begins."""
    order = np.lexsort((identity[:, 1], identity[:, 0]))
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (identity[order[1:]] != identity[order[:-1]]).any(axis=1)
    return order, is_new


def merge_labels(parts: Sequence[tuple[LabelColumns, NDArray[np.int64]]]) -> LabelColumns:
    """Return the labels of series, given with their identities, each once."""
    labels = concat([labels for labels, _ in parts])
    if len(parts) == 1:
        return labels
    order, is_new = _sorted_identities(np.concatenate([identity for _, identity in parts]))
    return labels.take(np.sort(order[is_new]))


def _by_row(
    parts: Sequence[tuple[NDArray[np.int64], Mapping[int, Value]]],
) -> dict[int, list[tuple[int, Value]]]:
    """Turn what each part says of its own rows into what is said of each row of the selection, with the part's number."""
    said: dict[int, list[tuple[int, Value]]] = {}
    for number, (rows, by_part_row) in enumerate(parts):
        for part_row, value in by_part_row.items():
            said.setdefault(int(rows[part_row]), []).append((number, value))
    return said


def _interleave(clean: ChunkView, merged: ChunkView, merged_rows: NDArray[np.int64]) -> ChunkView:
    """Return a view with the chunks of both; a row has chunks in one of them only."""
    per_row = np.diff(clean.first_chunk)
    clean_rows = np.repeat(np.arange(len(per_row)), per_row)
    order = np.argsort(
        np.concatenate((clean_rows, np.repeat(merged_rows, np.diff(merged.first_chunk)))), kind="stable"
    )
    per_row[merged_rows] = np.diff(merged.first_chunk)
    shift = len(clean.data)  # a multiple of the alignment, as its chunks and its padding are

    def both(name: str) -> NDArray[np.int64]:
        column: NDArray[np.int64] = np.concatenate((getattr(clean, name), getattr(merged, name)))[order]
        return column

    return ChunkView(
        data=np.concatenate((clean.data[:shift], merged.data)),
        first_chunk=np.concatenate(([0], np.cumsum(per_row))).astype(np.int64),
        kind=both("kind").astype(np.uint8),
        codec=both("codec").astype(np.uint8),
        flags=both("flags").astype(np.uint8),
        offset=np.concatenate((clean.offset, merged.offset + shift))[order],
        count=both("count"),
        min_time=both("min_time"),
        max_time=both("max_time"),
    )
