"""A plan for people: what is done, node by node, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bongsu.promql.parser.ast import (
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from bongsu.promql.parser.printer import to_text
from bongsu.promql.plan.nodes import Once, Shared
from bongsu.promql.plan.streaming import streams
from bongsu.promql.plan.trace import PlanStep
from bongsu.promql.plan.tree import children, map_children

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Expr
    from bongsu.promql.plan.nodes import PlanExpr
    from bongsu.promql.plan.trace import Trace


def explain(plan: PlanExpr, trace: Trace | None = None) -> PlanStep:
    """Return what is done, with the costs of a `trace` if there is one."""
    if isinstance(plan, Paren):
        return explain(plan.expr, trace)
    below = tuple(explain(child, trace) for child in children(plan))
    cost = None if trace is None else trace.of(plan)
    return PlanStep(_headline(plan), cost, below, to_text(_written(plan)))


def _written(plan: PlanExpr) -> Expr:
    """Return the expression as it could be asked for: without the nodes that only a plan has."""
    while isinstance(plan, Once | Shared):
        plan = plan.expr
    return cast("Expr", map_children(plan, _written))


def _headline(plan: PlanExpr) -> str:
    if isinstance(plan, Once):
        return "once: the same at every step"
    if isinstance(plan, Shared):
        return "shared: evaluated once for all its places"
    if isinstance(plan, Aggregate):
        how = "block by block, memory for the groups" if streams(plan) else "of the whole vector"
        return f"aggregate {plan.op.value}{_grouping(plan)}: {how}"
    if isinstance(plan, Call):
        return f"call {plan.function.name}()"
    if isinstance(plan, Binary):
        return f"combine {plan.op.value}"
    if isinstance(plan, Unary):
        return f"sign {plan.op.value}"
    if isinstance(plan, Subquery):
        step = "default step" if plan.step is None else f"step {plan.step} ms"
        return f"subquery over {plan.range} ms, {step}"
    kind = {MatrixSelector: "window", VectorSelector: "select"}.get(type(plan), "constant")
    return f"{kind} {to_text(plan)}"


def _grouping(plan: Aggregate) -> str:
    if plan.without:
        return f" without ({', '.join(plan.grouping)})"
    return f" by ({', '.join(plan.grouping)})" if plan.grouping else ""
