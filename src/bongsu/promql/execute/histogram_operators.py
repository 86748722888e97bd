"""Binary operators of which one side at least is a native histogram, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.histograms import ResetHint
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import incompatible_types
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts, add, same, subtract
from bongsu.promql.histograms.sparse import thaw
from bongsu.promql.histograms.trim import trim
from bongsu.promql.parser.ast import BinaryOp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.promql.execute.context import Context
    from bongsu.promql.parser.ast import Binary

Operand = tuple["NDArray[np.float64]", "NDArray[np.uint8] | None", "NDArray[np.object_] | None"]
"""Values, kinds and histograms of one side, all of the same shape; no kinds: all are floats."""

FloatCells = tuple["NDArray[np.float64]", "NDArray[np.uint8] | None"]
"""Values and kinds that the operator gives between floats."""

_SUMS = {
    BinaryOp.ADD: (add, "addition"),
    BinaryOp.SUB: (subtract, "subtraction"),
}


def combine_cells(
    node: Binary, left: Operand, right: Operand, floats: FloatCells, context: Context
) -> Operand:
    """Return the cells of an operator: `floats` where both sides are floats, and here those with a histogram."""
    shape = left[0].shape
    values = np.array(floats[0])
    kinds = np.ones(shape, dtype=np.uint8) if floats[1] is None else np.array(floats[1])
    histograms = np.full(shape, None, dtype=object)
    left_kinds, right_kinds = _kinds(left, shape), _kinds(right, shape)
    either = (left_kinds == KIND_HISTOGRAM) | (right_kinds == KIND_HISTOGRAM)
    both = either & (left_kinds != KIND_ABSENT) & (right_kinds != KIND_ABSENT)
    kinds[either] = KIND_ABSENT
    for row, step in zip(*np.nonzero(both), strict=True):
        result = _combine(node, _cell(left, row, step), _cell(right, row, step), context)
        if isinstance(result, float):
            values[row, step], kinds[row, step] = result, KIND_FLOAT
        elif result is not None:
            histograms[row, step], kinds[row, step] = result, KIND_HISTOGRAM
    return values, kinds, histograms


def negated(histograms: NDArray[np.object_] | None) -> NDArray[np.object_] | None:
    """Return histograms with their sign changed; the results are gauges, a counter cannot be negative."""
    if histograms is None:
        return None
    result = np.full(histograms.shape, None, dtype=object)
    for place in zip(*np.nonzero(histograms != None), strict=True):  # noqa: E711 - elementwise
        sparse = thaw(histograms[place]).scale(-1.0)
        sparse.reset_hint = ResetHint.GAUGE
        result[place] = sparse.frozen()
    return result


def _kinds(operand: Operand, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.full(shape, KIND_FLOAT, dtype=np.uint8) if operand[1] is None else operand[1]


def _cell(operand: Operand, row: int, step: int) -> float | Histogram:
    histogram: Histogram | None = None if operand[2] is None else operand[2][row, step]
    return float(operand[0][row, step]) if histogram is None else histogram


def _combine(
    node: Binary, left: float | Histogram, right: float | Histogram, context: Context
) -> float | Histogram | None:
    """Return the result of one cell; None where the operator is not defined, or a filter does not hold."""
    if isinstance(left, float):
        assert not isinstance(right, float)
        if node.op is BinaryOp.MUL:
            return thaw(right).scale(left).frozen()
        return _undefined(node, "float", "histogram", context)
    if isinstance(right, float):
        return _with_float(node, left, right, context)
    if node.op in _SUMS:
        return _sum(node, left, right, context)
    if node.op in (BinaryOp.EQ, BinaryOp.NE):
        holds = same(thaw(left), thaw(right)) is (node.op is BinaryOp.EQ)
        if node.return_bool:
            return float(holds)
        return left if holds else None
    return _undefined(node, "histogram", "histogram", context)


def _with_float(node: Binary, left: Histogram, right: float, context: Context) -> Histogram | float | None:
    if node.op is BinaryOp.MUL:
        return thaw(left).scale(right).frozen()
    if node.op is BinaryOp.DIV:
        return thaw(left).divide(right).frozen()
    if node.op in (BinaryOp.TRIM_UPPER, BinaryOp.TRIM_LOWER):
        return trim(thaw(left), right, keep_below=node.op is BinaryOp.TRIM_UPPER).frozen()
    return _undefined(node, "histogram", "float", context)


def _sum(node: Binary, left: Histogram, right: Histogram, context: Context) -> Histogram | None:
    operation, word = _SUMS[node.op]
    result = thaw(left)
    notes = context.query.annotations
    try:
        met = operation(result, thaw(right))
    except IncompatibleLayouts:
        notes.warn(f"incompatible bucket layout encountered for binary operator {node.op.value}", node.span)
        return None
    if met.collision:
        notes.warn(f"conflicting counter resets during histogram {word}", node.span)
    if met.reconciled:
        notes.inform(f"mismatched custom buckets were reconciled during {word}", node.span)
    if node.op is BinaryOp.SUB:
        result.reset_hint = ResetHint.GAUGE
    return result.frozen()


def _undefined(node: Binary, left: str, right: str, context: Context) -> float | None:
    """Note that the operator is not defined; there is no result."""
    context.query.annotations.inform(incompatible_types(node.op.value, left, right), node.span)
    return None
