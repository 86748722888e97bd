"""Exemplars of the series that a query selects."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from bongsu.model.label_columns import LabelColumns
from bongsu.promql.parser import parse
from bongsu.promql.parser.ast import Node, VectorSelector
from bongsu.storage.contract import ExemplarRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.storage.contract import ProjectStore


def find_exemplars(
    store: ProjectStore, text: str, start_ms: int, end_ms: int, *, features: frozenset[str] = frozenset()
) -> ExemplarRows:
    """
    Return the exemplars in the closed range of every series that any selector of a query matches.

    Offsets and ranges in the query don't move the range. A query without selectors has none.

    Raises
    ------
    ParseError
        If the text is no query.
    """
    selectors = [selector.matchers for selector in selectors_of(parse(text, features=features))]
    if not selectors:
        return ExemplarRows(LabelColumns(0), ())
    return store.exemplars(selectors, start_ms, end_ms)


def selectors_of(node: Node) -> Iterator[VectorSelector]:
    """Yield the vector selectors of a syntax tree in the order written, those of ranges and subqueries too."""
    if isinstance(node, VectorSelector):
        yield node
        return
    for field in fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, Node):
                yield from selectors_of(child)
