"""
Rewrite: an expression that occurs more than once is evaluated once.

What an aggregation takes in as it flows is left alone: keeping all its series would cost more memory than reading the
samples twice costs time.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import Aggregate, Paren, ValueType, VectorSelector
from bongsu.promql.plan.nodes import Shared
from bongsu.promql.plan.streaming import streams
from bongsu.promql.plan.tree import children, map_children, walk

if TYPE_CHECKING:
    from bongsu.promql.plan.nodes import PlanExpr


def share_common(expr: PlanExpr) -> PlanExpr:
    """Return the tree with the largest repeated expressions marked `Shared`."""
    counts = Counter(node for node in walk(expr) if _is_worth_sharing(node))
    repeated = {node for node, count in counts.items() if count > 1}
    return _mark(expr, repeated) if repeated else expr


def _is_worth_sharing(expr: PlanExpr) -> bool:
    if expr.value_type is not ValueType.VECTOR or isinstance(expr, Paren):
        return False
    return isinstance(expr, VectorSelector) or bool(children(expr))


def _mark(expr: PlanExpr, repeated: set[PlanExpr]) -> PlanExpr:
    if expr in repeated:
        return Shared(expr, span=expr.span)
    if isinstance(expr, Aggregate) and streams(expr):
        return expr
    return map_children(expr, lambda child: _mark(child, repeated))
