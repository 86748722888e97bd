"""Aggregations that keep some of the series as they are: topk, bottomk, limitk, limit_ratio."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.ranks import group_best
from bongsu.promql.annotations import go_float
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.blocks import run_steps
from bongsu.promql.execute.label_hash import label_hash
from bongsu.promql.execute.shape import prune
from bongsu.promql.parser.ast import AggregateOp
from bongsu.promql.plan.nodes import place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.promql.execute.context import Context
    from bongsu.promql.parser.ast import Aggregate
    from bongsu.promql.values import Vector

Layout = tuple["NDArray[np.int64]", "NDArray[np.int64]"]
"""Series group by group, and where each group begins."""

_HASHES = 2.0**64
"""Number of label hashes: a hash divided by it lies in [0, 1]."""


def choose(
    node: Aggregate, vector: Vector, layout: Layout, param: NDArray[np.float64], context: Context
) -> Vector:
    """Return the vector with only the chosen cells; labels and names stay."""
    if node.op is AggregateOp.LIMIT_RATIO:
        return _kept(vector, _ratio_mask(node, vector, param, context))
    limits = _limits(param)
    if node.op is AggregateOp.LIMITK:
        return _kept(vector, _first_mask(vector, layout, limits))
    # What is kept are floats, so that the marks are kinds.
    kept = np.zeros(vector.values.shape, dtype=np.uint8)
    kinds, largest = vector.kind_matrix(), node.op is AggregateOp.TOPK

    def mark(first: int, stop: int) -> None:
        group_best(vector.values, kinds, *layout, limits, kept, (first, stop), largest=largest)

    run_steps(context.query, vector.n_series, vector.n_steps, mark)
    best = prune(replace(vector, kinds=kept, histograms=None))
    return _ranked(vector, best, layout, kept, largest) if context.query.instant else best


def _limits(param: NDArray[np.float64]) -> NDArray[np.int64]:
    if np.isnan(param).any():
        raise ExecutionError("Parameter value is NaN", id="promql-bad-parameter")
    if (param < 1).all():
        return np.zeros(len(param), dtype=np.int64)  # nothing is kept, so that no number is too small
    if (param >= 2.0**63).any():
        raise ExecutionError(
            f"Scalar value {go_float(float(param.max()))} overflows int64", id="promql-bad-parameter"
        )
    if (param <= -(2.0**63)).any():
        raise ExecutionError(
            f"Scalar value {go_float(float(param.min()))} underflows int64", id="promql-bad-parameter"
        )
    return param.astype(np.int64)


def _kept(vector: Vector, mask: NDArray[np.bool_]) -> Vector:
    kinds = np.where(mask, vector.kind_matrix(), 0).astype(np.uint8)
    return prune(replace(vector, kinds=kinds))


def _ranked(vector: Vector, best: Vector, layout: Layout, kept: NDArray[np.uint8], largest: bool) -> Vector:
    """Order an instant result: group by group, best first, NaN last."""
    order, bounds = layout
    if vector.n_steps != 1:
        return best
    rank = vector.values[:, 0] * (-1 if largest else 1)
    groups = np.empty(vector.n_series, dtype=np.int64)
    groups[order] = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    rows = np.flatnonzero(kept[:, 0])
    sequence = np.lexsort((rank[rows], np.isnan(rank[rows]), groups[rows]))
    return replace(best.take(sequence), ordered=True)


def _first_mask(vector: Vector, layout: Layout, limits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Keep the first series of each group, in the vector's order."""
    order, bounds = layout
    present: NDArray[np.bool_] = vector.present()[order]
    seen: NDArray[np.int64] = np.concatenate(
        (np.zeros((1, vector.n_steps), dtype=np.int64), np.cumsum(present, axis=0))
    )
    before_group: NDArray[np.int64] = np.repeat(seen[bounds[:-1]], np.diff(bounds), axis=0)
    mask = np.zeros(vector.values.shape, dtype=np.bool_)
    mask[order] = present & (seen[:-1] - before_group < limits)
    return mask


def _ratio_mask(
    node: Aggregate, vector: Vector, ratios: NDArray[np.float64], context: Context
) -> NDArray[np.bool_]:
    """
    Keep the share of series whose label hash falls below the ratio; a negative ratio keeps the complement.

    The hash is of the labels alone, so that the choice is the same at every step and in every query.
    """
    if np.isnan(ratios).any():
        raise ExecutionError("Ratio value is NaN", id="promql-bad-parameter")
    assert node.param is not None
    for ratio in {float(ratio) for ratio in (ratios.max(), ratios.min()) if abs(ratio) > 1}:
        context.query.annotations.warn(
            f"ratio value should be between -1 and 1, got {go_float(ratio)}, "
            f"capping to {go_float(math.copysign(1, ratio))}",
            place(node.param),
        )
    capped = np.clip(ratios, -1.0, 1.0)
    share = np.array([label_hash(labels) / _HASHES for labels in vector.labels.maps()])[:, np.newaxis]
    below = share < capped
    complement = (capped < 0) & (share >= 1.0 + capped)
    return vector.present() & np.where(capped >= 0, below, complement)
