"""Nodes that only a plan has, beside those of the syntax tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bongsu.promql.parser.ast import Expr, Node, Paren, Span, Subquery

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import ValueType


@dataclass(frozen=True, slots=True)
class Once(Node):
    """An expression that is the same at every step: it is evaluated at the first and repeated."""

    expr: PlanExpr

    @property
    def value_type(self) -> ValueType:
        """That of the expression inside."""
        return self.expr.value_type


@dataclass(frozen=True, slots=True)
class Shared(Node):
    """An expression that occurs more than once in the query: its first result serves all."""

    expr: PlanExpr

    @property
    def value_type(self) -> ValueType:
        """That of the expression inside."""
        return self.expr.value_type


PlanExpr: TypeAlias = Expr | Once | Shared
"""An expression of a plan."""


def bare(expr: PlanExpr) -> PlanExpr:
    """Return an expression without what only wraps it."""
    while isinstance(expr, Paren | Once | Shared):
        expr = expr.expr
    return expr


def place(expr: PlanExpr) -> Span:
    """
    Return where notes about an argument point, as Prometheus' do: inside of parentheses, but at them where what they hold is
    the same at every step.

    Of a subquery they point at the start of the query, since its samples stand in for a selector that nobody wrote.
    """
    while isinstance(expr, Paren | Shared):
        expr = expr.expr
    if isinstance(expr, Once):
        return expr.span
    inner = bare(expr)
    return Span() if isinstance(inner, Subquery) else inner.span
