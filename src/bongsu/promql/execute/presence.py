"""Functions about whether anything is there: absent, absent_over_time, scalar, vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import LabelColumns
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import MatchOp
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT
from bongsu.promql.execute.shape import prune
from bongsu.promql.parser.ast import MatrixSelector, VectorSelector
from bongsu.promql.values import Scalar, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.promql.plan.nodes import PlanExpr


def absent(argument: PlanExpr, present: NDArray[np.bool_]) -> Vector:
    """Return 1 at the steps at which nothing is `present`, with the labels that the argument asked for."""
    labels = LabelColumns.from_maps([_wanted_labels(argument)])
    kinds = np.where(present, KIND_ABSENT, KIND_FLOAT).astype(np.uint8)[np.newaxis, :]
    return prune(Vector(labels, np.ones(kinds.shape), kinds))


def _wanted_labels(argument: PlanExpr) -> dict[str, str]:
    """Return the labels that equality matchers fix; a label with more than one matcher is not fixed."""
    if isinstance(argument, MatrixSelector):
        argument = argument.selector
    if not isinstance(argument, VectorSelector):
        return {}
    labels: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in argument.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
            labels[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            labels.pop(matcher.name, None)
    return labels


def to_scalar(vector: Vector) -> Scalar:
    """Return the only float of each step, NaN where there is none or more than one."""
    floats = vector.kind_matrix() == KIND_FLOAT
    values = np.where(floats, vector.values, 0.0).sum(axis=0) if vector.n_series == 1 else None
    if values is None:
        values = np.full(vector.n_steps, np.nan)
        single = floats.sum(axis=0) == 1
        rows = floats.argmax(axis=0) if vector.n_series else np.zeros(vector.n_steps, dtype=np.int64)
        steps = np.flatnonzero(single)
        values[steps] = vector.values[rows[steps], steps]
        return Scalar(values)
    return Scalar(np.where(floats[0], values, np.nan))


def to_vector(scalar: Scalar) -> Vector:
    """Return the scalar as one series without labels."""
    return Vector(LabelColumns(1), scalar.values[np.newaxis, :])
