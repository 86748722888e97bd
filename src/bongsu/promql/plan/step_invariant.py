"""
Rewrite: what is the same at every step is evaluated once.

An expression is that if all its selectors are pinned by ``@`` and it does not ask for the evaluation time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import (
    Call,
    MatrixSelector,
    NumberLiteral,
    StringLiteral,
    Subquery,
    ValueType,
    VectorSelector,
)
from bongsu.promql.plan.nodes import Once
from bongsu.promql.plan.tree import children, map_children

if TYPE_CHECKING:
    from bongsu.promql.plan.nodes import PlanExpr

_ASK_FOR_TIME = frozenset({"time", "timestamp", "predict_linear"})
"""Functions whose result depends on the evaluation time itself."""

_TIME_BY_DEFAULT = frozenset(
    ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"]
)
"""Functions that take the evaluation time when they have no argument."""


def pin_invariants(expr: PlanExpr) -> PlanExpr:
    """Return the tree with the largest expressions that don't change marked `Once`."""
    if isinstance(expr, NumberLiteral | StringLiteral):
        return expr
    if expr.value_type in (ValueType.VECTOR, ValueType.SCALAR) and is_invariant(expr):
        return Once(expr, span=expr.span)
    return map_children(expr, pin_invariants)


def is_invariant(expr: PlanExpr) -> bool:
    """Tell whether an expression has the same value at every step."""
    if isinstance(expr, VectorSelector):
        return expr.at is not None
    if isinstance(expr, MatrixSelector):
        return expr.selector.at is not None
    if isinstance(expr, Subquery):
        return expr.at is not None
    if isinstance(expr, Call):
        name = expr.function.name
        if name in _ASK_FOR_TIME or (name in _TIME_BY_DEFAULT and not expr.args):
            return False
    return all(is_invariant(child) for child in children(expr))
