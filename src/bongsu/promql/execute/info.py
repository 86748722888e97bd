"""
info(): labels of info metrics, such as ``target_info``, on the series of the same ``job`` and ``instance``.

Source: Prometheus documentation, "Query functions", ``info()``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import LabelColumns, concat
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import KIND_ABSENT
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.binary import stack
from bongsu.promql.execute.matching import braced
from bongsu.promql.execute.shape import merge_equal, prune
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
from bongsu.promql.plan.nodes import Once, Shared
from bongsu.storage.matching import match_rows, matches_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bongsu.promql.parser.ast import At
    from bongsu.promql.plan.nodes import PlanExpr
    from bongsu.promql.values import Vector

_IDENTIFYING = ("instance", "job")
"""Labels that tell which info series belongs to which series."""

_DEFAULT = Matcher(METRIC_NAME, MatchOp.EQUAL, "target_info")
_ANY_INFO = Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info")
"""Searched when the matchers only say which metrics are not wanted."""

_POSITIVE = (MatchOp.EQUAL, MatchOp.REGEX)


@dataclass(frozen=True, slots=True)
class InfoMatchers:
    """What a call asks for: which info metrics, and which of their labels (none means all)."""

    names: tuple[Matcher, ...]
    data: tuple[Matcher, ...]

    @property
    def is_optional(self) -> bool:
        """Whether a series without info metrics is part of the result."""
        return all(matches_empty(matcher) for matcher in self.data)


def info_matchers(matchers: Sequence[Matcher]) -> InfoMatchers:
    """Return what the second argument of a call asks for; without one, all labels of ``target_info``."""
    names = tuple(matcher for matcher in matchers if matcher.name == METRIC_NAME)
    data = tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)
    if not names:
        names = (_DEFAULT,)
    elif not any(matcher.op in _POSITIVE for matcher in names):
        names = (_ANY_INFO, *names)
    return InfoMatchers(names, data)


def info_selector(base: PlanExpr, wanted: InfoMatchers) -> VectorSelector:
    """Return the selector of the info series; they are looked at as of the time at which `base` looks at its samples."""
    at, offset = _reference(base)
    return VectorSelector("", (*wanted.data, *wanted.names), offset, at, span=base.span)


def _reference(expr: PlanExpr) -> tuple[At | None, int]:
    """Return the ``@`` and the offset of the first selector, those of the subqueries around it included."""
    at: At | None = None
    offset = 0
    for node in _path_to_selector(expr):
        if node.at is not None:
            at, offset = node.at, 0
        assert isinstance(node.offset, int), "BUG: unresolved duration"
        offset += node.offset
    return at, offset


def _path_to_selector(expr: PlanExpr) -> Iterator[VectorSelector | Subquery]:
    """Yield the subqueries on the way to the first selector, and then it."""
    if isinstance(expr, VectorSelector):
        yield expr
    elif isinstance(expr, MatrixSelector):
        yield expr.selector
    elif isinstance(expr, Subquery):
        yield expr
        yield from _path_to_selector(expr.expr)
    else:
        for child in _children(expr):
            path = list(_path_to_selector(child))
            if path:
                yield from path
                return


def _children(expr: PlanExpr) -> tuple[PlanExpr, ...]:
    if isinstance(expr, Paren | Unary | Once | Shared | Aggregate):
        return (expr.expr,)
    if isinstance(expr, Binary):
        return (expr.lhs, expr.rhs)
    return expr.args if isinstance(expr, Call) else ()


def enrich(base: Vector, info: Vector, times: Vector, wanted: InfoMatchers) -> Vector:
    """
    Return the series of `base` with the labels of their info series.

    Parameters
    ----------
    info, times
        The info series, and the times of their samples in seconds at each step; the same rows.

    Raises
    ------
    ExecutionError
        If an info series is a histogram, or two of them contradict each other.
    """
    if info.histograms is not None:
        row = int(np.flatnonzero(info.histograms.present().any(axis=1))[0])
        raise ExecutionError(
            f"this should be an info metric, with float samples: {braced(info.labels.labels(row))}",
            id="promql-info-not-float",
        )
    own = match_rows(base.labels, wanted.names)
    ids, _ = concat([base.labels, info.labels]).keep(_IDENTIFYING).group_ids()
    of_base, of_info = ids[: base.n_series], ids[base.n_series :]
    choices = {
        int(group): _choices(info, times, np.flatnonzero(of_info == group), wanted)
        for group in np.unique(of_base[~own])
    }
    parts = [base.take(own)] if own.any() else []
    for row in np.flatnonzero(~own).tolist():
        parts += _enriched_row(base, row, choices[int(of_base[row])], wanted)
    return prune(merge_equal(_stacked(parts, base)))


Choice = tuple["NDArray[np.bool_]", dict[str, str]]
"""Steps, and the labels that the info series have to give at them."""


def _choices(info: Vector, times: Vector, rows: NDArray[np.intp], wanted: InfoMatchers) -> list[Choice]:
    """Return the label sets that the info series of one target give, each with its steps."""
    if len(rows) == 0:
        return []
    seconds = np.where(times.present()[rows], times.values[rows], -np.inf)
    column = info.labels.get(METRIC_NAME)
    names = np.zeros(len(rows), dtype=np.int64) if column is None else column.codes[rows]
    chosen = np.vstack(
        [_newest(info, rows[names == name], seconds[names == name]) for name in np.unique(names)]
    )
    combinations, of_step = np.unique(chosen, axis=1, return_inverse=True)
    return [
        (of_step == i, _labels_of(info, [row for row in combinations[:, i].tolist() if row >= 0], wanted))
        for i in range(combinations.shape[1])
        if (combinations[:, i] >= 0).any()
    ]


def _newest(info: Vector, rows: NDArray[np.intp], seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each step the row with the newest sample, -1 where there is none."""
    best = seconds.max(axis=0)
    tied = ((seconds == best) & np.isfinite(seconds)).sum(axis=0) > 1
    if tied.any():
        step = int(np.flatnonzero(tied)[0])
        first, second = rows[np.flatnonzero(seconds[:, step] == best[step])[:2]]
        raise ExecutionError(
            f"found duplicate series for info metric: existing {braced(info.labels.labels(int(first)))}, "
            f"new {braced(info.labels.labels(int(second)))}",
            id="promql-info-duplicate",
        )
    return np.where(np.isfinite(best), rows[seconds.argmax(axis=0)], -1)


def _labels_of(info: Vector, rows: Sequence[int], wanted: InfoMatchers) -> dict[str, str]:
    """Return the data labels of the info series at `rows`."""
    only = {matcher.name for matcher in wanted.data}
    labels: dict[str, str] = {}
    for row in rows:
        for name, value in info.labels.labels(row).items():
            if name == METRIC_NAME or name in _IDENTIFYING or (only and name not in only):
                continue
            if labels.setdefault(name, value) != value:
                raise ExecutionError(
                    f"conflicting label: {name} is {labels[name]!r} and {value!r} in info series",
                    id="promql-info-conflict",
                )
    return labels


def _enriched_row(base: Vector, row: int, choices: Sequence[Choice], wanted: InfoMatchers) -> list[Vector]:
    own = base.labels.labels(row)
    one = base.take(np.array([row]))
    kinds = one.kind_matrix()
    parts = []
    rest = np.ones(base.n_steps, dtype=np.bool_)
    for steps, labels in choices:
        rest &= ~steps
        added = LabelColumns.from_maps([{**labels, **own}])
        parts.append(replace(one, labels=added, kinds=np.where(steps, kinds, KIND_ABSENT).astype(np.uint8)))
    if rest.any() and wanted.is_optional:
        parts.append(replace(one, kinds=np.where(rest, kinds, KIND_ABSENT).astype(np.uint8)))
    return parts


def _stacked(parts: Sequence[Vector], base: Vector) -> Vector:
    """Return all parts in one vector, without series that have no cell."""
    filled = [part for part in parts if part.present().any()]
    return stack(filled) if filled else base.take(np.empty(0, dtype=np.int64))
