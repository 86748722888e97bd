"""Walking and rebuilding of trees, for every kind of node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import Aggregate, Binary, Call, Paren, Subquery, Unary
from bongsu.promql.plan.nodes import Once, Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.promql.plan.nodes import PlanExpr


def children(expr: PlanExpr) -> tuple[PlanExpr, ...]:
    """Return the expressions inside a node; a range selector's own selector is a part of it, not a child."""
    if isinstance(expr, Paren | Unary | Subquery | Once | Shared):
        return (expr.expr,)
    if isinstance(expr, Binary):
        return (expr.lhs, expr.rhs)
    if isinstance(expr, Aggregate):
        return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
    return expr.args if isinstance(expr, Call) else ()


def map_children(expr: PlanExpr, change: Callable[[PlanExpr], PlanExpr]) -> PlanExpr:
    """Return the node with every child changed; the node itself when none is."""
    old = children(expr)
    new = tuple(change(child) for child in old)
    if all(a is b for a, b in zip(old, new, strict=True)):
        return expr
    if isinstance(expr, Binary):
        return replace(expr, lhs=new[0], rhs=new[1])  # type: ignore[arg-type]
    if isinstance(expr, Aggregate):
        param = expr.param if expr.param is None else new[0]
        return replace(expr, param=param, expr=new[-1])  # type: ignore[arg-type]
    if isinstance(expr, Call):
        return replace(expr, args=new)  # type: ignore[arg-type]
    return replace(expr, expr=new[0])  # type: ignore[arg-type]


def walk(expr: PlanExpr) -> Iterator[PlanExpr]:
    """Yield a node and all nodes below it, parents first."""
    yield expr
    for child in children(expr):
        yield from walk(child)
