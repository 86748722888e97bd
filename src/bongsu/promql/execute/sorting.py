"""Functions that order the series of an instant vector."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.execute.shape import floats_only, prune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.promql.execute.context import Context
    from bongsu.promql.parser.ast import Span
    from bongsu.promql.values import Vector

_INEFFECTIVE = "sort is ineffective for range queries since results are always ordered by labels"

_PIECES = re.compile(r"([0-9]+)")


def sort_by_value(vector: Vector, context: Context, span: Span, *, descending: bool) -> Vector:
    """Order by value, NaN last; a range query is told that it does not help."""
    vector = prune(floats_only(vector))
    if not context.query.instant:
        context.query.annotations.warn(_INEFFECTIVE, span)
        return vector
    if vector.n_steps != 1:
        return vector
    values = vector.values[:, 0]
    order = np.lexsort((-values if descending else values, np.isnan(values)))
    return replace(vector.take(order), ordered=True)


def sort_by_label(
    vector: Vector, names: Sequence[str], context: Context, span: Span, *, descending: bool
) -> Vector:
    """Order by the values of labels, numbers in them by their size; ties by all labels."""
    vector = prune(vector)
    if not context.query.instant:
        context.query.annotations.warn(_INEFFECTIVE, span)
        return vector
    maps = vector.labels.maps()
    keys = [([_natural(labels.get(name, "")) for name in names], list(labels.items())) for labels in maps]
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=descending)
    return replace(vector.take(np.array(order, dtype=np.int64)), ordered=True)


def _natural(text: str) -> list[tuple[str, int]]:
    """Return a sort key that orders ``node2`` before ``node10``, and a number among other texts where its digits would stand."""
    return [
        ("0", int(piece)) if piece.isdigit() and piece.isascii() else (piece, 0)
        for piece in _PIECES.split(text)
        if piece
    ]
