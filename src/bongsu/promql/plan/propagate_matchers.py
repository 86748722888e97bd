"""
Rewrite: what one side of an operator demands of labels that must agree is demanded of the other side, so that less is read there.

``a{job="x"} / b`` reads ``b{job="x"}``: the other series of `b` have no partner. Only where that is exact: no error may be lost either, so both
sides must be seen to be unique in the labels that are compared. Notes about series that can have no partner are not given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.execute.shape import RESERVED_LABELS
from bongsu.promql.parser.ast import (
    Aggregate,
    AggregateOp,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from bongsu.promql.plan.tree import map_children

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bongsu.promql.parser.ast import VectorMatching
    from bongsu.promql.plan.nodes import PlanExpr

_NOT_SERIES_BY_SERIES = frozenset(
    {
        "absent",
        "absent_over_time",
        "histogram_fraction",
        "histogram_quantile",
        "histogram_quantiles",
        "info",
        "label_join",
        "label_replace",
        "scalar",
        "vector",
    }
)
"""Functions whose results are made of several series, or of none, or have other labels; all others take series one by one."""


@dataclass(frozen=True, slots=True)
class _Labels:
    """A set of label names, or all names but those."""

    names: frozenset[str]
    others: bool

    def __contains__(self, name: str) -> bool:
        return (name in self.names) is not self.others

    def within(self, wider: _Labels) -> bool:
        """Tell whether all of these are surely among the wider ones."""
        if self.others:
            return wider.others and wider.names <= self.names
        return all(name in wider for name in self.names)


def propagate_matchers(expr: PlanExpr) -> PlanExpr:
    """Return the tree with the matchers of both sides of operators on both sides, where that changes no answer."""
    expr = map_children(expr, propagate_matchers)
    if not isinstance(expr, Binary) or expr.matching is None or expr.op is BinaryOp.OR:
        return expr
    if not _never_fails(expr):
        return expr
    compared = _compared(expr.matching)
    left = _demands(expr.lhs)
    # What has a partner is left out: that the others have none says nothing about it.
    right = () if expr.op is BinaryOp.UNLESS else _demands(expr.rhs)
    lhs = _demanding(expr.lhs, _among(right, compared))
    rhs = _demanding(expr.rhs, _among(left, compared))
    return expr if lhs is expr.lhs and rhs is expr.rhs else replace(expr, lhs=lhs, rhs=rhs)  # type: ignore[arg-type]


def _compared(matching: VectorMatching) -> _Labels:
    """Return the labels that partners have in common."""
    if matching.on:
        return _Labels(frozenset(matching.labels) - {METRIC_NAME}, others=False)
    return _Labels(frozenset((*matching.labels, *RESERVED_LABELS)), others=True)


def _kept(aggregate: Aggregate) -> _Labels:
    """Return the labels of an aggregation's groups."""
    names = frozenset(aggregate.grouping)
    return _Labels(names.union(RESERVED_LABELS) if aggregate.without else names, aggregate.without)


def _among(matchers: Iterable[Matcher], labels: _Labels) -> tuple[Matcher, ...]:
    return tuple(matcher for matcher in matchers if matcher.name in labels)


_WHOLE = _Labels(frozenset(RESERVED_LABELS), others=True)
"""All labels but those that say what a metric is, which operators and functions take away."""


def _never_fails(expr: PlanExpr) -> bool:
    """Tell whether an expression has a value whatever the series are: never two partners, never two results with the same labels."""
    if isinstance(expr, VectorSelector):
        return True
    if isinstance(expr, Aggregate):
        return _never_fails(expr.expr)
    if isinstance(expr, Binary) and expr.matching is not None:
        finds_one = expr.op.is_set or _finds_one_partner(expr, expr.matching)
        return finds_one and _never_fails(expr.lhs) and _never_fails(expr.rhs)
    inner = _series_by_series(expr)
    return inner is not None and _never_fails(inner) and _is_unique(inner, _WHOLE)


def _finds_one_partner(expr: Binary, matching: VectorMatching) -> bool:
    if (matching.fill_left, matching.fill_right) != (None, None) or matching.include:
        return False
    compared = _compared(matching)
    left = _WHOLE if matching.card is Cardinality.MANY_TO_ONE else compared
    right = _WHOLE if matching.card is Cardinality.ONE_TO_MANY else compared
    return _is_unique(expr.lhs, left) and _is_unique(expr.rhs, right)


def _is_unique(expr: PlanExpr, labels: _Labels) -> bool:
    """Tell whether no two series of an expression have the same values of some labels."""
    inner = _series_by_series(expr)
    if inner is not None:
        return _is_unique(inner, labels)
    if isinstance(expr, VectorSelector):
        named = any(m.name == METRIC_NAME and m.op is MatchOp.EQUAL and m.value for m in expr.matchers)
        return named and _WHOLE.within(labels)
    if isinstance(expr, Aggregate):
        return expr.op not in _CHOICES and _kept(expr).within(labels)
    return isinstance(expr, Binary) and expr.op is not BinaryOp.OR and _is_unique_pairing(expr, labels)


def _is_unique_pairing(expr: Binary, labels: _Labels) -> bool:
    if expr.op.is_set:
        return _is_unique(expr.lhs, labels)
    one_to_one = expr.matching is not None and expr.matching.card is Cardinality.ONE_TO_ONE
    return one_to_one and _is_unique(expr.lhs, labels)


_CHOICES = frozenset(
    {
        AggregateOp.TOPK,
        AggregateOp.BOTTOMK,
        AggregateOp.LIMITK,
        AggregateOp.LIMIT_RATIO,
        AggregateOp.COUNT_VALUES,
    }
)
"""Aggregations that give more than one series for a group."""


def _series_by_series(expr: PlanExpr) -> PlanExpr | None:
    """Return what an expression is computed of, if each of its series comes from one with the same labels beside the name."""
    if isinstance(expr, Paren | Unary | Subquery):
        return expr.expr
    if isinstance(expr, MatrixSelector):
        return expr.selector
    if isinstance(expr, Call) and expr.function.name not in _NOT_SERIES_BY_SERIES:
        return next((argument for argument in expr.args if _has_series(argument)), None)
    if isinstance(expr, Binary) and expr.matching is None:
        return next((side for side in (expr.lhs, expr.rhs) if _has_series(side)), None)
    return None


def _has_series(expr: PlanExpr) -> bool:
    return expr.value_type in (ValueType.VECTOR, ValueType.MATRIX)


def _demands(expr: PlanExpr) -> tuple[Matcher, ...]:
    """Return matchers that hold for every series of an expression."""
    inner = _series_by_series(expr)
    if inner is not None:
        return _demands(inner)
    if isinstance(expr, VectorSelector):
        return _among(expr.matchers, _WHOLE)
    if isinstance(expr, Aggregate) and expr.op is not AggregateOp.COUNT_VALUES:
        return _among(_demands(expr.expr), _kept(expr))
    if not isinstance(expr, Binary) or expr.matching is None or expr.op is BinaryOp.OR:
        return ()
    if expr.op.is_set:
        return _demands(expr.lhs)
    one_to_one = expr.matching.card is Cardinality.ONE_TO_ONE
    return _among(_demands(expr.lhs), _compared(expr.matching)) if one_to_one else ()


def _demanding(expr: PlanExpr, matchers: tuple[Matcher, ...]) -> PlanExpr:
    """Return an expression without the series that matchers do not hold for, as far as that can be seen to be the same."""
    if not matchers:
        return expr
    if isinstance(expr, VectorSelector):
        new = tuple(matcher for matcher in dict.fromkeys(matchers) if matcher not in expr.matchers)
        return replace(expr, matchers=(*new, *expr.matchers)) if new else expr
    if isinstance(expr, MatrixSelector):
        selector = _demanding(expr.selector, matchers)
        return expr if selector is expr.selector else replace(expr, selector=selector)  # type: ignore[arg-type]
    if _series_by_series(expr) is not None:
        return map_children(expr, lambda child: _demanding(child, matchers) if _has_series(child) else child)
    if isinstance(expr, Aggregate) and expr.op is not AggregateOp.COUNT_VALUES:
        inner = _demanding(expr.expr, _among(matchers, _kept(expr)))
        return expr if inner is expr.expr else replace(expr, expr=inner)  # type: ignore[arg-type]
    if isinstance(expr, Binary) and expr.matching is not None:
        return _demanding_pairs(expr, expr.matching, matchers)
    return expr


def _demanding_pairs(expr: Binary, matching: VectorMatching, matchers: tuple[Matcher, ...]) -> PlanExpr:
    shared = _among(matchers, _compared(matching))
    if expr.op.is_set:
        own = shared if expr.op is BinaryOp.OR else matchers
    elif matching.card is Cardinality.ONE_TO_ONE:
        own = shared
    else:
        return expr
    lhs, rhs = _demanding(expr.lhs, own), _demanding(expr.rhs, shared)
    return expr if lhs is expr.lhs and rhs is expr.rhs else replace(expr, lhs=lhs, rhs=rhs)  # type: ignore[arg-type]
