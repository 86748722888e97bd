"""Rewrite: arithmetic on numbers is done once, when the plan is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.execute.arithmetic import compute, holds
from bongsu.promql.parser.ast import Binary, NumberLiteral, Paren, Unary, UnaryOp
from bongsu.promql.plan.nodes import bare
from bongsu.promql.plan.tree import map_children

if TYPE_CHECKING:
    from bongsu.promql.plan.nodes import PlanExpr


def fold_constants(expr: PlanExpr) -> PlanExpr:
    """Return the tree with every operation on nothing but numbers replaced by its result."""
    if isinstance(expr, Paren) and isinstance(literal := bare(expr), NumberLiteral):
        return literal
    expr = map_children(expr, fold_constants)
    if isinstance(expr, Paren) and isinstance(expr.expr, NumberLiteral):
        return NumberLiteral(expr.expr.value, span=expr.span)
    if isinstance(expr, Unary) and isinstance(expr.expr, NumberLiteral):
        value = expr.expr.value
        return NumberLiteral(-value if expr.op is UnaryOp.MINUS else value, span=expr.span)
    if (
        isinstance(expr, Binary)
        and isinstance(expr.lhs, NumberLiteral)
        and isinstance(expr.rhs, NumberLiteral)
    ):
        return NumberLiteral(_result(expr, expr.lhs.value, expr.rhs.value), span=expr.span)
    return expr


def _result(expr: Binary, left: float, right: float) -> float:
    """Compute with the executor's own operators, so that folding cannot change a bit."""
    operation = holds if expr.op.is_comparison else compute
    return float(operation(expr.op, np.array([left]), np.array([right]))[0])
