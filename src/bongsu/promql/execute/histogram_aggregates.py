"""sum and avg over series of which some are native histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.groups import GroupOp, accumulate, finish
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.execute.shape import name_of, prune
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts
from bongsu.promql.histograms.sparse import thaw
from bongsu.promql.histograms.totals import HistogramTotal
from bongsu.promql.parser.ast import AggregateOp
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.parser.ast import Aggregate


def aggregate_histograms(
    node: Aggregate, vector: Vector, groups: NDArray[np.int64], labels: LabelColumns, context: Context
) -> Vector:
    """Return sums or averages; a group that has floats and histograms at one step has no result there, but a warning."""
    shape = (len(labels), vector.n_steps)
    kinds, values = np.empty(shape, dtype=np.uint8), np.empty(shape)
    planes = np.zeros((3, *shape))
    own_kinds = vector.kind_matrix()
    op = GroupOp.SUM if node.op is AggregateOp.SUM else GroupOp.AVG
    accumulate(op, vector.values, own_kinds, groups, planes)
    finish(op, planes, values, kinds)
    histograms = np.full(shape, None, dtype=object)
    members = np.zeros(shape, dtype=np.int64)
    np.add.at(members, groups, own_kinds == KIND_HISTOGRAM)
    mixed = (members > 0) & (kinds == KIND_FLOAT)
    if mixed.any():
        context.query.annotations.warn(
            "encountered a mix of histograms and floats for aggregation", node.expr.span
        )
    kinds[mixed] = KIND_ABSENT
    for group, step in zip(*np.nonzero((members > 0) & ~mixed), strict=True):
        rows = np.flatnonzero((groups == group) & (own_kinds[:, step] == KIND_HISTOGRAM))
        histograms[group, step] = _combined(node, vector, rows, int(step), context)
        kinds[group, step] = KIND_ABSENT if histograms[group, step] is None else KIND_HISTOGRAM
    return prune(Vector(labels, values, kinds, histograms))


def _combined(
    node: Aggregate, vector: Vector, rows: NDArray[np.intp], step: int, context: Context
) -> Histogram | None:
    assert vector.histograms is not None
    notes = context.query.annotations
    total = HistogramTotal(mean=node.op is AggregateOp.AVG)
    for row in rows:
        try:
            total.add(thaw(vector.histograms[row, step]))
        except IncompatibleLayouts:
            notes.warn(
                "vector contains a mix of histograms with exponential and custom buckets schemas "
                f"for metric name {quote(name_of(vector.labels, int(row)))}",
                node.expr.span,
            )
            return None
    if total.collision:
        notes.warn("conflicting counter resets during histogram aggregation", node.expr.span)
    if total.reconciled:
        notes.inform("mismatched custom buckets were reconciled during aggregation", node.expr.span)
    return total.result()
