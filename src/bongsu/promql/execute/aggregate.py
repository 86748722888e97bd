"""Aggregations: of a vector that is there, or of a source as it flows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.groups import GroupOp, accumulate, finish, merge
from bongsu.kernels.ranks import group_quantiles
from bongsu.model.label_columns import concat
from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import bad_quantile, ignored_in_aggregation
from bongsu.promql.execute.blocks import part_bounds, run_blocks
from bongsu.promql.execute.choose import choose
from bongsu.promql.execute.count_values import count_values
from bongsu.promql.execute.histogram_aggregates import aggregate_histograms
from bongsu.promql.execute.samples import HistogramsMet, StoredSamples
from bongsu.promql.execute.shape import RESERVED_LABELS, drop_names, floats_only, prune
from bongsu.promql.execute.sources import Cells, materialize
from bongsu.promql.parser.ast import Aggregate, AggregateOp
from bongsu.promql.plan.nodes import place
from bongsu.promql.values import Scalar, String, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.sources import Source
    from bongsu.promql.values import Value

_ACCUMULATED = {
    AggregateOp.SUM: GroupOp.SUM,
    AggregateOp.AVG: GroupOp.AVG,
    AggregateOp.MIN: GroupOp.MIN,
    AggregateOp.MAX: GroupOp.MAX,
    AggregateOp.COUNT: GroupOp.COUNT,
    AggregateOp.GROUP: GroupOp.GROUP,
    AggregateOp.STDVAR: GroupOp.STDVAR,
    AggregateOp.STDDEV: GroupOp.STDDEV,
}

_FLOATS_ONLY = frozenset(
    {
        AggregateOp.MIN,
        AggregateOp.MAX,
        AggregateOp.STDVAR,
        AggregateOp.STDDEV,
        AggregateOp.QUANTILE,
        AggregateOp.TOPK,
        AggregateOp.BOTTOMK,
    }
)
"""Operators that have no meaning for histograms and pass over them with a note."""


@dataclass(frozen=True, slots=True)
class Groups:
    """
    The groups that series fall into.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_series,)
        Group of each series, numbered in order of first appearance.
    labels
        Labels of the groups.
    drop_name : ndarray of bool, shape (n_groups,), optional
        Groups by a metric name that is to go when the query ends.
    """

    ids: NDArray[np.int64]
    labels: LabelColumns
    drop_name: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def layout(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the series group by group, and where each group begins; shapes (n_series,) and (n_groups + 1,)."""
        counts = np.bincount(self.ids, minlength=len(self))
        return np.argsort(self.ids, kind="stable"), np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def group_series(labels: LabelColumns, node: Aggregate, drop_name: NDArray[np.bool_] | None = None) -> Groups:
    """Return the groups of an aggregation's series."""
    kept = labels.drop([*node.grouping, METRIC_NAME]) if node.without else labels.keep(node.grouping)
    ids, first = kept.group_ids()
    says_what = any(name in kept for name in RESERVED_LABELS)
    return Groups(ids, kept.take(first), drop_name[first] if says_what and drop_name is not None else None)


def can_stream(op: AggregateOp) -> bool:
    """Tell whether an operator takes its series block by block."""
    return op in _ACCUMULATED


def aggregate_source(node: Aggregate, source: Source, context: Context, *, drops_names: bool) -> Vector:
    """
    Aggregate a source as it flows; memory is needed for the groups, not for the series.

    Parameters
    ----------
    drops_names
        What the source computes is another metric than what it reads.
    """
    groups = _source_groups(node, source, context, drops_names=drops_names)
    op = _ACCUMULATED[node.op]
    reader, counts = source.reader, source.reader.sample_counts
    if isinstance(reader, StoredSamples):
        reader = replace(reader, floats_alone=True)
    parts = len(part_bounds(context.query, counts + source.n_steps)) - 1
    planes = np.zeros((parts, 3, len(groups), source.n_steps))
    context.query.budget.hold(planes.size)

    def work(part: int, start: int, stop: int) -> None:
        block = reader.read(start, stop)
        context.query.budget.count_read(len(block.times))
        if block.histograms is not None:
            raise HistogramsMet
        shape = (stop - start, source.n_steps)
        cells = Cells(np.empty(shape), np.empty(shape, dtype=np.uint8))
        if source.fill(start, block, cells) is not None:
            raise HistogramsMet
        accumulate(op, cells.values, cells.kinds, groups.ids[start:stop], planes[part])

    def aggregate(part: int, start: int, stop: int) -> bool:
        assert fused is not None
        read = fused.aggregate(start, stop, op, groups.ids[start:stop], planes[part])
        context.query.budget.count_read(read)
        return True

    fused = source.fused
    try:
        run_blocks(context.query, counts, source.n_steps, work, None if fused is None else aggregate)
    except HistogramsMet:
        return _of_whole(node, source, context, drops_names=drops_names)
    finally:
        context.query.budget.release(planes.size)
    for part in range(1, parts):
        merge(op, planes[0], planes[part])
    if op == GroupOp.AVG and np.isinf(planes[0, 0]).any():
        return _of_whole(node, source, context, drops_names=drops_names)
    return _named(_finished(op, planes[0], groups.labels), groups, node)


def _source_groups(node: Aggregate, source: Source, context: Context, *, drops_names: bool) -> Groups:
    labels, drop_name = source.reader.labels, source.reader.drop_name
    if drops_names and context.query.delays_names:
        drop_name = np.ones(len(labels), dtype=np.bool_)
    elif drops_names:
        labels = labels.drop(RESERVED_LABELS)
    return group_series(labels, node, drop_name)


def _of_whole(node: Aggregate, source: Source, context: Context, *, drops_names: bool) -> Vector:
    """Aggregate a source that cannot flow."""
    vector = materialize(source, context.query)
    if drops_names:
        vector = drop_names(vector, context, across_steps=False)
    return aggregate_vector(node, vector, None, context)


def _named(result: Vector, groups: Groups, node: Aggregate) -> Vector:
    """Return a result by groups, of which some go on under a name that is to go."""
    if groups.drop_name is None:
        return result
    ids, _ = concat([groups.labels, result.labels]).group_ids(node.grouping)
    goes = np.zeros(int(ids.max(initial=0)) + 1, dtype=np.bool_)
    goes[ids[: len(groups)]] = groups.drop_name
    return replace(result, drop_name=goes[ids[len(groups) :]])


def aggregate_vector(node: Aggregate, vector: Vector, param: Value | None, context: Context) -> Vector:
    """Aggregate a vector."""
    if vector.histograms is not None and node.op in _FLOATS_ONLY:
        _note_ignored(node, vector, param, context)
        vector = floats_only(vector)
    groups = group_series(vector.labels, node, vector.drop_name)
    if node.op in _ACCUMULATED:
        return _named(_accumulated(node, vector, groups, context), groups, node)
    if node.op is AggregateOp.COUNT_VALUES:
        assert isinstance(param, String)
        if node.without and param.text in {*node.grouping, METRIC_NAME}:
            # The label that was to tell the values apart is taken away with the others.
            return _accumulated(replace(node, op=AggregateOp.COUNT), vector, groups, context)
        return count_values(vector, groups.ids, groups.labels, param.text)
    assert isinstance(param, Scalar)
    if node.op is AggregateOp.QUANTILE:
        return _named(_quantile(node, vector, groups, param.values, context), groups, node)
    return choose(node, vector, groups.layout(), param.values, context)


def _note_ignored(node: Aggregate, vector: Vector, param: Value | None, context: Context) -> None:
    """Note histograms that are passed over; where nothing is kept nothing is passed over."""
    met = (vector.kind_matrix() == KIND_HISTOGRAM).any(axis=0)
    picks = node.op in (AggregateOp.TOPK, AggregateOp.BOTTOMK)
    if picks and isinstance(param, Scalar):
        met &= param.values >= 1
    if met.any():
        span = node.span if picks else node.expr.span
        context.query.annotations.inform(ignored_in_aggregation(node.op.value), span)


def _accumulated(node: Aggregate, vector: Vector, groups: Groups, context: Context) -> Vector:
    op = _ACCUMULATED[node.op]
    if vector.histograms is not None:
        if op in (GroupOp.SUM, GroupOp.AVG):
            return aggregate_histograms(node, vector, groups.ids, groups.labels, context)
        every = np.minimum(vector.kind_matrix(), KIND_FLOAT)
        vector = replace(vector, kinds=every, histograms=None)
    return _finished(op, _totals(op, vector, groups), groups.labels)


def _totals(op: GroupOp, vector: Vector, groups: Groups) -> NDArray[np.float64]:
    planes = np.zeros((3, len(groups), vector.n_steps))
    kinds = vector.kind_matrix()
    accumulate(op, vector.values, kinds, groups.ids, planes)
    if op == GroupOp.AVG and np.isinf(planes[0]).any():
        careful = np.zeros_like(planes)
        accumulate(GroupOp.AVG_INCREMENTAL, vector.values, kinds, groups.ids, careful)
        overflown = np.isinf(planes[0])
        # `finish` divides by the count: put in what gives the incremental mean.
        mean = careful[0] + careful[1]
        planes[0] = np.where(overflown, mean, planes[0])
        planes[1] = np.where(overflown, 0.0, planes[1])
        planes[2] = np.where(overflown, 1.0, planes[2])
    return planes


def _finished(op: GroupOp, planes: NDArray[np.float64], labels: LabelColumns) -> Vector:
    out = np.empty(planes.shape[1:])
    kinds = np.empty(out.shape, dtype=np.uint8)
    finish(op, planes, out, kinds)
    return prune(Vector(labels, out, kinds))


def _quantile(
    node: Aggregate, vector: Vector, groups: Groups, phi: NDArray[np.float64], context: Context
) -> Vector:
    assert node.param is not None
    # Of a parameter that changes, the worst values are named, as in Prometheus.
    highest, lowest = np.fmax.reduce(phi), np.fmin.reduce(phi)
    worst = {*([highest] if highest > 1 else []), *([lowest] if lowest < 0 else [])}
    for value in (*sorted(worst), *([math.nan] if np.isnan(phi).any() else [])):
        context.query.annotations.warn(bad_quantile(float(value)), place(node.param))
    order, bounds = groups.layout()
    out = np.empty((len(groups), vector.n_steps))
    kinds = np.empty(out.shape, dtype=np.uint8)
    group_quantiles(vector.values, vector.kind_matrix(), order, bounds, phi, out, kinds)
    return prune(Vector(groups.labels, out, kinds))


def has_histograms(vector: Vector) -> bool:
    """Tell whether any cell is a histogram."""
    return vector.kinds is not None and bool((vector.kinds == KIND_HISTOGRAM).any())
