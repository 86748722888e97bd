"""The order of the rewrites that make a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.plan.common_subexpressions import share_common
from bongsu.promql.plan.fold_constants import fold_constants
from bongsu.promql.plan.propagate_matchers import propagate_matchers
from bongsu.promql.plan.step_invariant import pin_invariants

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Expr
    from bongsu.promql.plan.nodes import PlanExpr


def make_plan(expr: Expr, *, n_steps: int) -> PlanExpr:
    """
    Return the plan of an expression whose durations are resolved.

    Parameters
    ----------
    n_steps
        Steps of the query; with a single one nothing is repeated.
    """
    plan = propagate_matchers(fold_constants(expr))
    if n_steps > 1:
        plan = pin_invariants(plan)
    return share_common(plan)
