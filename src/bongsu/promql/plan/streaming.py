"""Which aggregations take their series in block by block, with memory for the groups only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import Aggregate, AggregateOp, Call, Paren, VectorSelector

if TYPE_CHECKING:
    from bongsu.promql.plan.nodes import PlanExpr

STREAMED = frozenset(
    {
        AggregateOp.SUM,
        AggregateOp.AVG,
        AggregateOp.MIN,
        AggregateOp.MAX,
        AggregateOp.COUNT,
        AggregateOp.GROUP,
        AggregateOp.STDVAR,
        AggregateOp.STDDEV,
    }
)
"""Operators whose groups are built up from one series after another."""

WINDOW_FUNCTIONS = frozenset(
    [
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "resets",
        "changes",
        "sum_over_time",
        "avg_over_time",
        "count_over_time",
        "present_over_time",
        "first_over_time",
        "last_over_time",
        "min_over_time",
        "max_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "quantile_over_time",
        "mad_over_time",
        "deriv",
        "predict_linear",
        "double_exponential_smoothing",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_min_over_time",
        "ts_of_max_over_time",
    ]
)
"""Range functions that kernels compute."""


def streams(expr: Aggregate) -> bool:
    """Tell whether an aggregation never holds its operand as a whole."""
    return expr.op in STREAMED and _flows(expr.expr)


def _flows(expr: PlanExpr) -> bool:
    if isinstance(expr, Paren):
        return _flows(expr.expr)
    if isinstance(expr, Call):
        return expr.function.name in WINDOW_FUNCTIONS
    return isinstance(expr, VectorSelector)
