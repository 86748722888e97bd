"""Operations on whole vectors that look at labels and presence, not at values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import ABSENT, LabelColumns
from bongsu.model.labels import METRIC_NAME, TYPE_LABEL, UNIT_LABEL
from bongsu.model.samples import KIND_ABSENT, KIND_HISTOGRAM
from bongsu.promql.errors import ExecutionError
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.promql.execute.context import Context

RESERVED_LABELS = (METRIC_NAME, TYPE_LABEL, UNIT_LABEL)
"""What says what a metric is; a result that is another metric has none of them."""

DUPLICATES = "vector cannot contain metrics with the same labelset"
"""Prometheus' text, which clients and scripts match."""


def empty_vector(n_steps: int) -> Vector:
    """Return a vector without series."""
    return Vector(LabelColumns(0), np.empty((0, n_steps)))


def prune(vector: Vector) -> Vector:
    """Return the vector without series that have no cell, and without masks that say nothing."""
    if vector.kinds is None:
        return vector
    if vector.histograms is None and vector.kinds.all():
        return Vector(vector.labels, vector.values, None, None, vector.drop_name, vector.ordered)
    rows: NDArray[np.bool_] = np.asarray(vector.kinds.any(axis=1))
    if not rows.all():
        vector = vector.take(rows)
    kinds, histograms = vector.kinds, vector.histograms
    if histograms is not None and kinds is not None and not (kinds == KIND_HISTOGRAM).any():
        histograms = None
    if kinds is not None and histograms is None and kinds.all():
        kinds = None
    return replace(vector, kinds=kinds, histograms=histograms)


def drop_names(vector: Vector, context: Context, *, across_steps: bool = True) -> Vector:
    """
    Return the vector without metric names, now or, while names are removed with delay, when the query ends.

    Parameters
    ----------
    across_steps
        Series that become equal may still be one series if they never meet at a step; otherwise they are an error.
    """
    if context.query.delays_names:
        return replace(vector, drop_name=np.ones(vector.n_series, dtype=np.bool_))
    columns = [column for name in RESERVED_LABELS if (column := vector.labels.get(name)) is not None]
    if not columns:
        return vector
    dropped = replace(vector, labels=vector.labels.drop(RESERVED_LABELS))
    same = all(len(column.codes) > 0 and bool((column.codes == column.codes[0]).all()) for column in columns)
    return dropped if same else merge_equal(dropped, across_steps=across_steps)


def with_dropped_names(vector: Vector) -> Vector:
    """Return the vector with the delayed removals of names done; series that become equal are merged."""
    if vector.drop_name is None:
        return vector
    if not vector.drop_name.any():
        return replace(vector, drop_name=None)
    labels = vector.labels
    for name in RESERVED_LABELS:
        column = labels.get(name)
        if column is not None:
            kept = replace(column, codes=np.where(vector.drop_name, ABSENT, column.codes).astype(np.int32))
            labels = labels.with_column(name, kept)
    return merge_equal(replace(vector, labels=labels, drop_name=None))


def merge_equal(vector: Vector, *, across_steps: bool = True) -> Vector:
    """
    Return the vector with series of equal labels merged into one.

    Raises
    ------
    ExecutionError
        If two of them have a cell at the same step, or, without `across_steps`, at all.
    """
    ids, first = vector.labels.group_ids()
    if len(first) == vector.n_series:
        return vector
    present = vector.present()
    if not across_steps or (cells_by_group(present, ids) > 1).any():
        raise ExecutionError(DUPLICATES, id="promql-duplicate-series")
    merged = vector.take(first)
    values, kinds = merged.values.copy(), merged.kind_matrix().copy()
    codes = None if merged.histograms is None else merged.histograms.codes.copy()
    all_kinds = vector.kind_matrix()
    for row in np.setdiff1d(np.arange(vector.n_series), first):
        cells, group = present[row], ids[row]
        values[group, cells] = vector.values[row, cells]
        kinds[group, cells] = all_kinds[row, cells]
        if codes is not None and vector.histograms is not None:
            codes[group, cells] = vector.histograms.codes[row, cells]
    histograms = None
    if codes is not None and merged.histograms is not None:
        histograms = replace(merged.histograms, codes=codes)
    drop_name = None if vector.drop_name is None else _first_seen(vector.drop_name, present, ids)
    return replace(merged, values=values, kinds=kinds, histograms=histograms, drop_name=drop_name)


def _first_seen(
    flags: NDArray[np.bool_], present: NDArray[np.bool_], ids: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each group the flag of the series that comes first in time, as Prometheus does."""
    steps = np.where(present.any(axis=1), present.argmax(axis=1), present.shape[1])
    order = np.lexsort((np.arange(len(ids)), steps, ids))
    _, first = np.unique(ids[order], return_index=True)
    return flags[order[first]]


def repeat_step(vector: Vector, n_steps: int) -> Vector:
    """Return a vector of one step with that step repeated."""
    shape = (vector.n_series, n_steps)
    return replace(
        vector,
        values=np.broadcast_to(vector.values, shape),
        kinds=None if vector.kinds is None else np.broadcast_to(vector.kinds, shape),
        histograms=None if vector.histograms is None else vector.histograms.repeated(shape),
    )


def any_present(vector: Vector) -> NDArray[np.bool_]:
    """Tell for each step whether any series has a cell."""
    return np.asarray(vector.present().any(axis=0))


def cells_by_group(present: NDArray[np.bool_], ids: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return how many rows of a group have a cell at each step, for the groups that have rows, in the order of their numbers."""
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    counts: NDArray[np.int32] = np.add.reduceat(present[order], starts, axis=0, dtype=np.int32)
    return counts


def floats_only(vector: Vector) -> Vector:
    """Return the vector with histogram cells made absent."""
    if vector.histograms is None or vector.kinds is None:
        return vector
    kinds = np.where(vector.kinds == KIND_HISTOGRAM, KIND_ABSENT, vector.kinds).astype(np.uint8)
    return prune(replace(vector, kinds=kinds, histograms=None))


def names_of(
    vector_labels: LabelColumns, rows: NDArray[np.integer] | None = None, *, label: str = METRIC_NAME
) -> list[str]:
    """Return the distinct metric names of some rows, or values of another label; the empty one where a series has none."""
    column = vector_labels.get(label)
    if column is None:
        return [""] if (vector_labels.n_series if rows is None else len(rows)) else []
    codes = column.codes if rows is None else column.codes[rows]
    return sorted({"" if code < 0 else str(column.values[code]) for code in np.unique(codes)})


def name_of(labels: LabelColumns, row: int) -> str:
    """Return the metric name of one row, empty when it has none."""
    column = labels.get(METRIC_NAME)
    return "" if column is None or column.codes[row] < 0 else str(column.values[column.codes[row]])
