"""From the text of a query to its typed syntax tree, and back to text."""

from __future__ import annotations

from bongsu.promql.parser.durations import resolve_durations
from bongsu.promql.parser.grammar import parse, parse_selector

__all__ = ["parse", "parse_selector", "resolve_durations"]
