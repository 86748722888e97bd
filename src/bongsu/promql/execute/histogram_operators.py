"""Binary operators of which one side at least is a native histogram, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.histograms import ResetHint
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import incompatible_types
from bongsu.promql.histograms.arithmetic import IncompatibleLayouts, add, same, subtract
from bongsu.promql.histograms.columns import Dense, HistogramCells
from bongsu.promql.histograms.trim import trim
from bongsu.promql.parser.ast import BinaryOp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.promql.execute.context import Context
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.histograms.sparse import Sparse
    from bongsu.promql.parser.ast import Binary

Operand = tuple["NDArray[np.float64]", "NDArray[np.uint8] | None", "HistogramArray | None"]
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
    histograms = HistogramCells(shape)
    left_kinds, right_kinds = _kinds(left, shape), _kinds(right, shape)
    either = (left_kinds == KIND_HISTOGRAM) | (right_kinds == KIND_HISTOGRAM)
    both = either & (left_kinds != KIND_ABSENT) & (right_kinds != KIND_ABSENT)
    kinds[either] = KIND_ABSENT
    if node.op in (BinaryOp.MUL, BinaryOp.DIV):
        done = _scale_columns(node.op, left, right, both, histograms)
        kinds[done] = KIND_HISTOGRAM
        both &= ~done
    for row, step in zip(*np.nonzero(both), strict=True):
        result = _combine(node, _cell(left, int(row), int(step)), _cell(right, int(row), int(step)), context)
        if isinstance(result, float):
            values[row, step], kinds[row, step] = result, KIND_FLOAT
        elif result is not None:
            histograms.put((row, step), result.frozen())
            kinds[row, step] = KIND_HISTOGRAM
    return values, kinds, histograms.array()


def _scale_columns(
    op: BinaryOp, left: Operand, right: Operand, wanted: NDArray[np.bool_], out: HistogramCells
) -> NDArray[np.bool_]:
    """Multiply or divide dense histograms by floats, a row at a time; return which cells were done."""
    done = np.zeros(wanted.shape, dtype=np.bool_)
    own, other = (left, right) if left[2] is not None or op is BinaryOp.DIV else (right, left)
    histograms, kinds = own[2], own[1]
    if histograms is None or kinds is None:
        return done
    wanted = wanted & (kinds == KIND_HISTOGRAM) & (_kinds(other, wanted.shape) == KIND_FLOAT)
    used = histograms.where(wanted)
    for row in np.flatnonzero(used.present().any(axis=1)).tolist():
        cells = used[row]
        numbers, rows = cells.part_numbers(), cells.row_numbers()
        for number, part in cells.used_parts():
            if isinstance(part, Dense):
                steps = np.flatnonzero(numbers == number)
                scaled = part.take(rows[steps]).scaled(other[0][row, steps], divide=op is BinaryOp.DIV)
                out.put_rows((row, steps), scaled, np.arange(len(steps)))
                done[row, steps] = True
    return done


def negated(histograms: HistogramArray | None) -> HistogramArray | None:
    """Return histograms with their sign changed; the results are gauges, a counter cannot be negative."""
    return None if histograms is None else histograms.negated()


def _kinds(operand: Operand, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.full(shape, KIND_FLOAT, dtype=np.uint8) if operand[1] is None else operand[1]


def _cell(operand: Operand, row: int, step: int) -> float | Sparse:
    values, kinds, histograms = operand
    if histograms is None or kinds is None or kinds[row, step] != KIND_HISTOGRAM:
        return float(values[row, step])
    return histograms.sparse(row, step)


def _combine(
    node: Binary, left: float | Sparse, right: float | Sparse, context: Context
) -> float | Sparse | None:
    """Return the result of one cell; None where the operator is not defined, or a filter does not hold."""
    if isinstance(left, float):
        assert not isinstance(right, float)
        if node.op is BinaryOp.MUL:
            return right.scale(left)
        return _undefined(node, "float", "histogram", context)
    if isinstance(right, float):
        return _with_float(node, left, right, context)
    if node.op in _SUMS:
        return _sum(node, left, right, context)
    if node.op in (BinaryOp.EQ, BinaryOp.NE):
        holds = same(left, right) is (node.op is BinaryOp.EQ)
        if node.return_bool:
            return float(holds)
        return left if holds else None
    return _undefined(node, "histogram", "histogram", context)


def _with_float(node: Binary, left: Sparse, right: float, context: Context) -> Sparse | float | None:
    if node.op is BinaryOp.MUL:
        return left.scale(right)
    if node.op is BinaryOp.DIV:
        return left.divide(right)
    if node.op in (BinaryOp.TRIM_UPPER, BinaryOp.TRIM_LOWER):
        return trim(left, right, keep_below=node.op is BinaryOp.TRIM_UPPER)
    return _undefined(node, "histogram", "float", context)


def _sum(node: Binary, left: Sparse, right: Sparse, context: Context) -> Sparse | None:
    """Return the sum or difference, made of the left side."""
    operation, word = _SUMS[node.op]
    notes = context.query.annotations
    try:
        met = operation(left, right)
    except IncompatibleLayouts:
        notes.warn(f"incompatible bucket layout encountered for binary operator {node.op.value}", node.span)
        return None
    if met.collision:
        notes.warn(f"conflicting counter resets during histogram {word}", node.span)
    if met.reconciled:
        notes.inform(f"mismatched custom buckets were reconciled during {word}", node.span)
    if node.op is BinaryOp.SUB:
        left.reset_hint = ResetHint.GAUGE
    return left


def _undefined(node: Binary, left: str, right: str, context: Context) -> float | None:
    """Note that the operator is not defined; there is no result."""
    context.query.annotations.inform(incompatible_types(node.op.value, left, right), node.span)
    return None
