"""How the series of two vectors find each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import LabelColumns, concat
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import quote
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.shape import cells_by_group
from bongsu.promql.histograms.columns import concatenate, no_histograms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bongsu.promql.parser.ast import VectorMatching
    from bongsu.promql.values import Vector


@dataclass(frozen=True, slots=True)
class MatchGroups:
    """
    Numbers of the match groups of two vectors.

    Attributes
    ----------
    left, right : ndarray of int64, shape (n_series of that side,)
        Series of both sides that have the same number belong together.
    count
        Groups of both sides.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    count: int

    def swapped(self) -> MatchGroups:
        """Return the groups with the sides exchanged."""
        return MatchGroups(self.right, self.left, self.count)


def matched_labels(labels: LabelColumns, matching: VectorMatching) -> LabelColumns:
    """Return the labels that must agree."""
    return labels.keep(matching.labels) if matching.on else labels.drop([*matching.labels, METRIC_NAME])


def match_groups(left: LabelColumns, right: LabelColumns, matching: VectorMatching) -> MatchGroups:
    """Number the match groups of two sides."""
    both = concat([matched_labels(left, matching), matched_labels(right, matching)])
    ids, first = both.group_ids()
    return MatchGroups(ids[: len(left)], ids[len(left) :], len(first))


def pair_rows(groups: MatchGroups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every pair of a left and a right row of the same group, in the order of the left rows."""
    order = np.argsort(groups.right, kind="stable")
    sizes = np.bincount(groups.right, minlength=groups.count)
    starts = np.cumsum(sizes) - sizes
    repeats = sizes[groups.left]
    left = np.repeat(np.arange(len(groups.left)), repeats)
    within = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return left, order[np.repeat(starts[groups.left], repeats) + within]


def present_in_group(present: NDArray[np.bool_], ids: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Tell for each group and step whether any of its rows has a cell; shape (n_groups, n_steps)."""
    result = np.zeros((count, present.shape[1]), dtype=np.bool_)
    result[np.unique(ids)] = cells_by_group(present, ids) > 0
    return result


def refuse_duplicates(
    one: Vector,
    ids: NDArray[np.int64],
    steps: Callable[[], NDArray[np.bool_]],
    matching: VectorMatching,
    side: str,
) -> None:
    """
    Check that each group has at most one series of the "one" side at each of the `steps`, which are asked for if any group has more.

    Raises
    ------
    ExecutionError
        If a group has two; the text names them.
    """
    sizes = np.bincount(ids) if len(ids) else np.empty(0, dtype=np.int64)
    shared = np.flatnonzero(sizes > 1)
    at_stake = steps() if len(shared) else np.empty(0, dtype=np.bool_)
    for group in shared:
        rows = np.flatnonzero(ids == group)
        present = one.present()[rows] & at_stake
        meets = np.flatnonzero(present.sum(axis=0) > 1)
        if len(meets):
            first, second = rows[np.flatnonzero(present[:, meets[0]])[:2]]
            group_text = braced(matched_labels(one.labels.take(np.array([first])), matching).labels(0))
            raise ExecutionError(
                f"found duplicate series for the match group {group_text} on the {side} hand-side of the operation: "
                f"[{braced(one.labels.labels(second))}, {braced(one.labels.labels(first))}]"
                ";many-to-many matching not allowed: matching labels must be unique on one side",
                id="promql-many-to-many",
            )


def filled(
    many: Vector, one: Vector, groups: MatchGroups, matching: VectorMatching, fill: float
) -> tuple[Vector, MatchGroups]:
    """Return the left vector with one series of the value `fill` per group of the right one, where the left has none."""
    there = present_in_group(one.present(), groups.right, groups.count)
    here = present_in_group(many.present(), groups.left, groups.count)
    missing = there & ~here
    wanted = np.flatnonzero(missing.any(axis=1))
    if len(wanted) == 0:
        return many, groups
    first = np.full(groups.count, -1, dtype=np.int64)
    first[groups.right[::-1]] = np.arange(len(groups.right))[::-1]
    labels = concat([many.labels, matched_labels(one.labels.take(first[wanted]), matching)])
    kinds = np.where(missing[wanted], KIND_FLOAT, KIND_ABSENT).astype(np.uint8)
    histograms = many.histograms
    if histograms is not None:
        histograms = concatenate([histograms, no_histograms(kinds.shape)])
    drop_name = many.drop_name
    if drop_name is not None:
        drop_name = np.concatenate((drop_name, np.zeros(len(wanted), dtype=np.bool_)))
    extended = replace(
        many,
        labels=labels,
        values=np.concatenate((many.values, np.full(kinds.shape, fill))),
        kinds=np.concatenate((many.kind_matrix(), kinds)),
        histograms=histograms,
        drop_name=drop_name,
    )
    return extended, replace(groups, left=np.concatenate((groups.left, wanted)))


def braced(labels: dict[str, str]) -> str:
    """Return labels as Prometheus' errors show them: all inside of the braces."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in sorted(labels.items())) + "}"
