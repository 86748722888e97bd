"""Binary operators between scalars and vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import concat
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT
from bongsu.promql.annotations import incompatible_types
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.arithmetic import compute, drops_name, holds
from bongsu.promql.execute.blocks import run_blocks
from bongsu.promql.execute.histogram_operators import combine_cells
from bongsu.promql.execute.matching import (
    filled,
    match_groups,
    pair_rows,
    present_in_group,
    refuse_duplicates,
)
from bongsu.promql.execute.shape import (
    RESERVED_LABELS,
    any_present,
    cells_by_group,
    drop_names,
    empty_vector,
    merge_equal,
    prune,
)
from bongsu.promql.histograms.columns import concatenate, no_histograms
from bongsu.promql.parser.ast import BinaryOp, Cardinality
from bongsu.promql.values import Scalar, Vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.execute.matching import MatchGroups
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.parser.ast import Binary, VectorMatching
    from bongsu.promql.values import Value

Operand = tuple["NDArray[np.float64]", "NDArray[np.uint8] | None", "HistogramArray | None"]
"""Values, kinds and histograms of one side, all of the same shape; no kinds: all are floats."""


def combine(node: Binary, left: Value, right: Value, context: Context) -> Value:
    """Return the value of a binary operator."""
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(_scalars(node, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Vector):
        if node.op.is_set:
            assert node.matching is not None
            return _sets(node.op, left, right, node.matching)
        return _vectors(node, left, right, context)
    return _with_scalar(node, left, right, context)


def _scalars(node: Binary, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    if node.op.is_comparison:
        return holds(node.op, left, right).astype(np.float64)
    return compute(node.op, left, right)


def _with_scalar(node: Binary, left: Value, right: Value, context: Context) -> Vector:
    vector = left if isinstance(left, Vector) else right
    assert isinstance(vector, Vector)
    shape = vector.values.shape
    scalar = right if vector is left else left
    assert isinstance(scalar, Scalar)
    wide: Operand = (np.broadcast_to(scalar.values, shape), None, None)
    own: Operand = (vector.values, vector.kinds, vector.histograms)
    values, kinds, histograms = (
        _cells(node, own, wide, context) if vector is left else _cells(node, wide, own, context)
    )
    if node.op.is_comparison and not node.return_bool and vector is right:
        values, histograms = vector.values, vector.histograms
    result = prune(replace(vector, values=values, kinds=kinds, histograms=histograms, ordered=False))
    if drops_name(node.op) or node.return_bool:
        return drop_names(result, context)
    return result


def _cells(node: Binary, left: Operand, right: Operand, context: Context) -> Operand:
    """Apply an operator cell by cell; a cell is absent where either side is, or where a filter does not hold."""
    values, kinds = _float_cells(node, left, right)
    if node.op in (BinaryOp.TRIM_LOWER, BinaryOp.TRIM_UPPER):
        _note_trimmed_floats(node, left, right, context)
    if left[2] is None and right[2] is None:
        return values, kinds, None
    return combine_cells(node, left, right, (values, kinds), context)


def _float_cells(
    node: Binary, left: Operand, right: Operand
) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    present = _both_floats(left[1], right[1])
    if node.op.is_comparison:
        truth = holds(node.op, left[0], right[0])
        if node.return_bool:
            return truth.astype(np.float64), present
        return left[0], (truth if present is None else truth & (present != 0)).astype(np.uint8)
    if node.op in (BinaryOp.TRIM_LOWER, BinaryOp.TRIM_UPPER):
        return left[0], np.zeros(left[0].shape, dtype=np.uint8)
    return compute(node.op, left[0], right[0]), present


def _note_trimmed_floats(node: Binary, left: Operand, right: Operand, context: Context) -> None:
    """Note floats that were to be trimmed: only histograms can be."""
    both = _both_floats(left[1], right[1])
    if left[0].size if both is None else both.any():
        context.query.annotations.inform(incompatible_types(node.op.value, "float", "float"), node.span)


def _both_floats(left: NDArray[np.uint8] | None, right: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    masks = [kinds == KIND_FLOAT for kinds in (left, right) if kinds is not None]
    if not masks:
        return None
    both = masks[0] if len(masks) == 1 else masks[0] & masks[1]
    present: NDArray[np.uint8] = both.view(np.uint8)
    return present


def _vectors(node: Binary, left: Vector, right: Vector, context: Context) -> Vector:
    matching = node.matching
    assert matching is not None
    swap = matching.card is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swap else (left, right)
    fills = (matching.fill_right, matching.fill_left) if swap else (matching.fill_left, matching.fill_right)
    if (many.n_series == 0 or one.n_series == 0) and fills == (None, None):
        return empty_vector(context.grid.count)
    groups = match_groups(many.labels, one.labels, matching)
    refuse_duplicates(
        one, groups.right, _steps_at_stake(many, one, fills), matching, "left" if swap else "right"
    )
    many, one, groups = _fill_both(many, one, groups, matching, fills)
    many_rows, one_rows = pair_rows(groups)
    values, kinds, histograms = _paired(node, (many, many_rows), (one, one_rows), context, swap=swap)
    labels = many.labels if _are_all(many_rows, many) else many.labels.take(many_rows)
    labels = _result_labels(node, labels, one.labels, one_rows)
    drop_name = None if many.drop_name is None else many.drop_name[many_rows]
    result = Vector(labels, values, kinds, histograms, drop_name)
    _refuse_repeats(result, groups.left[many_rows], matching)
    result = prune(merge_equal(result))
    return drop_names(result, context) if node.return_bool else result


def _fill_both(
    many: Vector,
    one: Vector,
    groups: MatchGroups,
    matching: VectorMatching,
    fills: tuple[float | None, float | None],
) -> tuple[Vector, Vector, MatchGroups]:
    """Add the series that stand in for missing ones; those of one side never meet those of the other."""
    filled_many, filled_one, left, right = many, one, groups.left, groups.right
    if fills[0] is not None:
        filled_many, extended = filled(many, one, groups, matching, fills[0])
        left = extended.left
    if fills[1] is not None:
        filled_one, extended = filled(one, many, groups.swapped(), matching, fills[1])
        right = extended.left
    return filled_many, filled_one, replace(groups, left=left, right=right)


def _steps_at_stake(
    many: Vector, one: Vector, fills: tuple[float | None, float | None]
) -> Callable[[], NDArray[np.bool_]]:
    """Return what tells at which steps there can be a result: a pass over all cells, which is rarely asked for."""
    either = fills != (None, None)
    return lambda: any_present(many) | any_present(one) if either else any_present(many) & any_present(one)


def _paired(
    node: Binary,
    many: tuple[Vector, NDArray[np.int64]],
    one: tuple[Vector, NDArray[np.int64]],
    context: Context,
    *,
    swap: bool,
) -> Operand:
    """Apply an operator to pairs of rows; floats block by block, so that what is gathered stays in the processor's cache."""
    n_rows, n_steps = len(many[1]), many[0].n_steps
    if not _only_floats(node, many[0], one[0]):
        cells = _gathered(*many), _gathered(*one)
        return _cells(node, *(cells[::-1] if swap else cells), context)
    values, kinds = np.empty((n_rows, n_steps)), np.empty((n_rows, n_steps), dtype=np.uint8)
    all_there = many[0].kinds is None and one[0].kinds is None and not node.op.is_comparison

    def work(part: int, start: int, stop: int) -> None:
        del part
        cells = [_gathered(vector, rows[start:stop]) for vector, rows in (many, one)]
        values[start:stop], present = _float_cells(node, *(cells[::-1] if swap else cells))
        if not all_there:
            kinds[start:stop] = KIND_FLOAT if present is None else present

    run_blocks(context.query, np.zeros(n_rows, dtype=np.int64), n_steps, work)
    return values, None if all_there else kinds, None


def _only_floats(node: Binary, *vectors: Vector) -> bool:
    trims = node.op in (BinaryOp.TRIM_LOWER, BinaryOp.TRIM_UPPER)
    return not trims and all(vector.histograms is None for vector in vectors)


def _are_all(rows: NDArray[np.int64], vector: Vector) -> bool:
    """Tell whether rows are those of a vector, as they are."""
    return len(rows) == vector.n_series and bool((rows == np.arange(len(rows))).all())


def _gathered(vector: Vector, rows: NDArray[np.int64]) -> Operand:
    return (
        vector.values[rows],
        None if vector.kinds is None else vector.kinds[rows],
        None if vector.histograms is None else vector.histograms[rows],
    )


def _result_labels(
    node: Binary, labels: LabelColumns, one: LabelColumns, one_rows: NDArray[np.int64]
) -> LabelColumns:
    """Return the labels of the pairs, from those of the "many" side."""
    matching = node.matching
    assert matching is not None
    if drops_name(node.op):
        labels = labels.drop(RESERVED_LABELS)
    if matching.card is Cardinality.ONE_TO_ONE:
        labels = labels.keep(matching.labels) if matching.on else labels.drop(matching.labels)
    for name in matching.include:
        column = one.get(name)
        labels = labels.drop([name]) if column is None else labels.with_column(name, column.gather(one_rows))
    return labels


def _refuse_repeats(pairs: Vector, groups: NDArray[np.int64], matching: VectorMatching) -> None:
    """Check that no match group gives two results that cannot be told apart at one step."""
    sizes = np.bincount(groups) if len(groups) else np.empty(0, dtype=np.int64)
    if (sizes < 2).all():
        return
    ids, _ = pairs.labels.group_ids()
    if matching.card is Cardinality.ONE_TO_ONE:
        ids = groups
    else:
        _, ids = np.unique(groups * (int(ids.max()) + 1) + ids, return_inverse=True)
    repeated = (np.bincount(ids) > 1)[ids]
    if not (cells_by_group(pairs.present()[repeated], ids[repeated]) > 1).any():
        return
    if matching.card is Cardinality.ONE_TO_ONE:
        raise ExecutionError(
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            id="promql-many-to-one",
        )
    raise ExecutionError(
        "multiple matches for labels: grouping labels must ensure unique matches",
        id="promql-grouping-not-unique",
    )


def _sets(op: BinaryOp, left: Vector, right: Vector, matching: VectorMatching) -> Vector:
    groups = match_groups(left.labels, right.labels, matching)
    left_kinds, right_kinds = left.kind_matrix(), right.kind_matrix()
    if op is not BinaryOp.OR:
        meets = present_in_group(right.present(), groups.right, groups.count)[groups.left]
        kept = meets if op is BinaryOp.AND else ~meets
        return prune(replace(left, kinds=np.where(kept, left_kinds, KIND_ABSENT).astype(np.uint8)))
    covered = present_in_group(left.present(), groups.left, groups.count)[groups.right]
    rest = prune(replace(right, kinds=np.where(covered, KIND_ABSENT, right_kinds).astype(np.uint8)))
    if rest.n_series == 0:
        return left
    if left.n_series == 0:
        return rest
    return merge_equal(stack([left, rest]))


def stack(parts: list[Vector]) -> Vector:
    """Return the series of all parts in one vector."""
    histograms = drop_name = None
    if any(part.histograms is not None for part in parts):
        histograms = concatenate(
            [
                no_histograms(part.values.shape) if part.histograms is None else part.histograms
                for part in parts
            ]
        )
    if any(part.drop_name is not None for part in parts):
        drop_name = np.concatenate(
            [
                np.zeros(part.n_series, dtype=np.bool_) if part.drop_name is None else part.drop_name
                for part in parts
            ]
        )
    return Vector(
        concat([part.labels for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.kind_matrix() for part in parts]),
        histograms,
        drop_name,
    )
