"""From the text of a query to its typed syntax tree, and back to text."""

from __future__ import annotations

from bongsu.promql.parser.ast_json import to_json
from bongsu.promql.parser.durations import resolve_durations
from bongsu.promql.parser.grammar import parse, parse_selector
from bongsu.promql.parser.printer import format_query, to_text

__all__ = ["format_query", "parse", "parse_selector", "resolve_durations", "to_json", "to_text"]
