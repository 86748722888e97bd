"""
Selections: frozen series over head and blocks, handed out as chunk views.

Tidy rows, whose chunks do not overlap and have nothing to add or hide, are handed out where they are: the view names addresses in
mapped blocks and arenas, and copies no byte. The others are merged into raw chunks (`bongsu.tsdb.merging`).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
)
from bongsu.model.label_columns import concat
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.storage.contract import ChunkView
from bongsu.tsdb.merging import PART, Untidy
from bongsu.tsdb.parts import KIND_SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.tsdb.parts import Part


_HISTOGRAM_WEIGHT = 32
"""A histogram takes about as many words as so many floats."""


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
        self._owners: tuple[object, ...] = tuple(
            owner for selected in parts for owner in selected.part.owners
        )
        rows, self._labels, self._identity = merge_rows([selected[:2] for selected in parts])
        n_rows = len(self._labels)
        self._table, table_rows = _merge_tables([selected.part for selected in parts], rows)
        self._first = np.searchsorted(table_rows, np.arange(n_rows + 1)).astype(np.int64)
        self._untidy = Untidy(
            [selected.part for selected in parts], rows, self._table, self._first, (start_ms, end_ms)
        )
        self._is_untidy = self._find_untidy(table_rows)
        totals = np.concatenate(([0], np.cumsum(self._table[:, ENTRY_SAMPLES])))
        self._counts = totals[self._first[1:]] - totals[self._first[:-1]] + self._untidy.extra_counts(n_rows)

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

    def weights(self) -> NDArray[np.int64]:
        """Return about how many floats the samples of each series are as large as, unpacked."""
        is_histogram = self._table[:, ENTRY_SHAPE] >> KIND_SHIFT & 1
        totals = np.concatenate(([0], np.cumsum(self._table[:, ENTRY_SAMPLES] * is_histogram)))
        histograms = totals[self._first[1:]] - totals[self._first[:-1]]
        histograms += self._untidy.extra_histograms(len(self._labels))
        weights: NDArray[np.int64] = self._counts + (_HISTOGRAM_WEIGHT - 1) * histograms
        return weights

    def chunks(self, start_row: int, stop_row: int) -> ChunkView:
        """Return the chunks of a range of rows."""
        first, stop = int(self._first[start_row]), int(self._first[stop_row])
        untidy = np.flatnonzero(self._is_untidy[start_row:stop_row]) + start_row
        if not len(untidy):
            return self._view(self._table[first:stop], self._first[start_row : stop_row + 1] - first, ())
        merged, merged_first, data = self._untidy.merge(untidy)
        per_row = np.diff(self._first[start_row : stop_row + 1])
        is_tidy = np.repeat(~self._is_untidy[start_row:stop_row], per_row)
        tidy_rows = np.repeat(np.arange(start_row, stop_row), per_row)[is_tidy]
        table = np.concatenate((self._table[first:stop][is_tidy], merged))
        rows = np.concatenate((tidy_rows, np.repeat(untidy, np.diff(merged_first))))
        order = np.argsort(rows, kind="stable")
        bounds = np.searchsorted(rows[order], np.arange(start_row, stop_row + 1)).astype(np.int64)
        return self._view(table[order], bounds, (data,))

    def close(self) -> None:
        """Let go of what the selection keeps alive; harmless when repeated."""
        self._owners = ()
        self._table = self._table[:0]
        self._untidy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _view(
        self, table: NDArray[np.int64], first: NDArray[np.int64], more: tuple[object, ...]
    ) -> ChunkView:
        shape = table[:, ENTRY_SHAPE]
        return ChunkView(
            first_chunk=first,
            kind=np.where(shape >> KIND_SHIFT & 1, KIND_HISTOGRAM, KIND_FLOAT).astype(np.uint8),
            codec=shape.astype(np.uint8),
            flags=(shape >> 8).astype(np.uint8),
            address=np.ascontiguousarray(table[:, ENTRY_AT]),
            count=np.ascontiguousarray(table[:, ENTRY_SAMPLES]),
            min_time=np.ascontiguousarray(table[:, ENTRY_MIN_TIME]),
            max_time=np.ascontiguousarray(table[:, ENTRY_MAX_TIME]),
            owners=(*self._owners, *more),
        )

    def _find_untidy(self, table_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        untidy = self._untidy.rows_with_more(len(self._labels))
        # Sorted by their first time, chunks of a row that do not overlap their neighbour overlap none.
        overlap = (table_rows[1:] == table_rows[:-1]) & (
            self._table[1:, ENTRY_MIN_TIME] <= self._table[:-1, ENTRY_MAX_TIME]
        )
        untidy[table_rows[1:][overlap]] = True
        # Whoever decodes trims floats to the range and knows their codecs; histograms are trimmed and unpacked here.
        untidy[table_rows[self._untidy.is_odd_histogram()]] = True
        return untidy


def _merge_tables(
    parts: Sequence[Part], rows: list[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the chunks of all parts with the number of their part, by row of the selection and time; and their rows."""
    tables, chunk_rows = [np.empty((0, 8), dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for number, part in enumerate(parts):
        part.table[:, PART] = number
        tables.append(part.table)
        chunk_rows.append(np.repeat(rows[number], np.diff(part.first)))
    if len(parts) == 1 and (np.diff(chunk_rows[1]) >= 0).all():
        return tables[1], chunk_rows[1]
    table, table_rows = np.concatenate(tables), np.concatenate(chunk_rows)
    # The parts mostly come in order of time, each with rising rows: merging such runs is far cheaper than sorting by two keys.
    order = np.argsort(table_rows, kind="stable")
    sorted_rows, times = table_rows[order], table[order, ENTRY_MIN_TIME]
    if ((sorted_rows[1:] == sorted_rows[:-1]) & (times[1:] < times[:-1])).any():
        order = np.lexsort((table[:, ENTRY_MIN_TIME], table_rows))
        sorted_rows = table_rows[order]
    return table.take(order, axis=0), sorted_rows


def merge_rows(
    parts: Sequence[tuple[LabelColumns, NDArray[np.int64]]],
) -> tuple[list[NDArray[np.int64]], LabelColumns, NDArray[np.int64]]:
    """
    Number the distinct series of all parts, given with their identities, in order of appearance.

    Returns the number of each part's rows, and the labels and the identity of the series.
    """
    labels = concat([labels for labels, _ in parts])
    identity = np.concatenate([np.empty((0, 2), dtype=np.int64), *(identity for _, identity in parts)])
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
    bounds = np.cumsum([0, *(len(own) for own, _ in parts)]).tolist()
    rows = [row_of[low:high] for low, high in itertools.pairwise(bounds)]
    return rows, labels.take(first), identity[first]


def _sorted_identities(identity: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return an order that brings equal identities together, the first to appear in front, and where in it a new one begins."""
    high, low = np.ascontiguousarray(identity.T)
    # Half of the hash tells series apart, by all chance: one sort does where a sort by both halves takes twice as long.
    order = np.argsort(high, kind="stable")
    is_new = _begins(high, order)
    if not np.array_equal(is_new, is_new | _begins(low, order)):
        order = np.lexsort((low, high))
        is_new = _begins(high, order) | _begins(low, order)
    return order, is_new


def _begins(keys: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell where in an order a key differs from the one before."""
    sorted_keys, differs = keys[order], np.ones(len(order), dtype=np.bool_)
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=differs[1:])
    return differs


def merge_labels(parts: Sequence[tuple[LabelColumns, NDArray[np.int64]]]) -> LabelColumns:
    """Return the labels of series, given with their identities, each once."""
    labels = concat([labels for labels, _ in parts])
    if len(parts) == 1:
        return labels
    order, is_new = _sorted_identities(np.concatenate([identity for _, identity in parts]))
    return labels.take(np.sort(order[is_new]))
