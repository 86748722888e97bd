"""
How far ahead of a step a query looks, and whether its steps are independent of each other at all.

A query whose answer at a step depends on that step's time and the samples alone may be put together from answers to parts of its
range. What rules that out, and is found here: bounds of the query itself (``@ start()``, ``range()``), aggregations that keep some of
their series by the order in which they come (``topk``, ``limitk``) or whose rounding depends on it (``stddev``), and selectors of
several metrics: dropping their names is an error if two series become equal anywhere in the range.
"""

from __future__ import annotations

from dataclasses import dataclass

from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import MatchOp
from bongsu.promql.parser.ast import (
    Aggregate,
    AggregateOp,
    AtBound,
    Call,
    Expr,
    MatrixSelector,
    Subquery,
    VectorSelector,
)
from bongsu.promql.plan.tree import children

NEVER = -(1 << 63)
"""Earlier than any sample."""

_BY_ORDER = frozenset(
    {AggregateOp.TOPK, AggregateOp.BOTTOMK, AggregateOp.LIMITK, AggregateOp.STDDEV, AggregateOp.STDVAR}
)

_OF_WHOLE_RANGE = frozenset({"info"})
"""Functions that join series by what is known of them in the whole range."""


@dataclass(frozen=True, slots=True)
class Reach:
    """
    The newest sample that an answer depends on.

    Attributes
    ----------
    ahead_ms
        At most so long after the step; negative for queries with an offset.
    until_ms
        A fixed time, Unix milliseconds, up to which samples count at every step; `NEVER` when nothing is pinned by ``@``.
    """

    ahead_ms: int = NEVER
    until_ms: int = NEVER

    def __or__(self, other: Reach) -> Reach:
        """Return the reach of two expressions together."""
        return Reach(max(self.ahead_ms, other.ahead_ms), max(self.until_ms, other.until_ms))


def reach_of(expr: Expr) -> Reach | None:
    """Return the reach of an expression as it was parsed, durations unresolved; None if its steps are not independent."""
    if isinstance(expr, MatrixSelector):
        return reach_of(expr.selector) if isinstance(expr.range, int) else None
    if isinstance(expr, VectorSelector):
        return _of_selector(expr)
    if isinstance(expr, Aggregate) and expr.op in _BY_ORDER:
        return None
    if isinstance(expr, Call) and expr.function.name in _OF_WHOLE_RANGE:
        return None
    inner = Reach()
    for child in children(expr):
        reach = reach_of(child)  # type: ignore[arg-type]
        if reach is None:
            return None
        inner |= reach
    return _of_subquery(expr, inner) if isinstance(expr, Subquery) else inner


def _of_selector(selector: VectorSelector) -> Reach | None:
    of_one_metric = any(
        matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL and matcher.value
        for matcher in selector.matchers
    )
    if not of_one_metric or selector.extent is not None or not isinstance(selector.offset, int):
        return None
    if selector.at is None:
        return Reach(ahead_ms=-selector.offset)
    return None if isinstance(selector.at, AtBound) else Reach(until_ms=int(selector.at) - selector.offset)


def _of_subquery(subquery: Subquery, inner: Reach) -> Reach | None:
    plain = isinstance(subquery.range, int) and isinstance(subquery.step, int | None)
    if not plain or not isinstance(subquery.offset, int) or isinstance(subquery.at, AtBound):
        return None
    if inner.ahead_ms == NEVER:
        return inner
    if subquery.at is None:
        return Reach(inner.ahead_ms - subquery.offset, inner.until_ms)
    return Reach(until_ms=max(inner.until_ms, int(subquery.at) - subquery.offset + inner.ahead_ms))
