"""Grammar of label matchers in braces and of the label lists of grouping and matching clauses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.parser.lexer import Kind
from bongsu.promql.parser.strings import quote, unquote
from bongsu.runtime.regex import check_pattern

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Span
    from bongsu.promql.parser.cursor import Cursor
    from bongsu.promql.parser.lexer import Token

_CONTEXT = "label matching"
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_OPERATORS = {op.value for op in MatchOp}
_WORDS = {Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER, Kind.KEYWORD, Kind.AGGREGATOR, Kind.OPERATOR}
"""Tokens that can be label names in a list: keywords too, since nothing else can stand there."""


def parse_matchers(cursor: Cursor, name: str) -> tuple[str, tuple[Matcher, ...]]:
    """
    Read matchers in braces.

    Parameters
    ----------
    name
        The metric name before the braces, empty when there is none.

    Returns
    -------
    name
        `name`, or the quoted metric name inside the braces.
    matchers
        Those inside, without one for the name.
    """
    cursor.expect("{")
    matchers: list[Matcher] = []
    while not cursor.at("}"):
        start = cursor.token.start
        found = _matcher(cursor)
        if isinstance(found, Matcher):
            matchers.append(found)
        elif name:
            raise cursor.error(
                f'metric name must not be set twice: "{name}" or "{found}"', cursor.since(start)
            )
        else:
            name = found
        if not cursor.accept(",") and not cursor.at("}"):
            raise cursor.unexpected(_CONTEXT, '"," or "}"')
    cursor.expect("}")
    return name, tuple(matchers)


def parse_labels(cursor: Cursor) -> tuple[str, ...]:
    """Read a list of label names in parentheses; it may be empty and may end with a comma."""
    context = "grouping opts"
    cursor.expect("(", context=context)
    labels: list[str] = []
    while not cursor.at(")"):
        token = cursor.token
        if token.kind is Kind.STRING:
            labels.append(_checked_label(cursor, token))
        elif token.kind in _WORDS and (token.text[0].isidentifier() or token.text[0] == ":"):
            labels.append(token.text)
        else:
            raise cursor.unexpected(context, "label")
        cursor.advance()
        if not cursor.accept(",") and not cursor.at(")"):
            raise cursor.unexpected(context, '"," or ")"')
    cursor.expect(")")
    return tuple(labels)


def _checked_label(cursor: Cursor, token: Token) -> str:
    """Return a quoted label name."""
    name = unquote(token.text)
    if not name or _NOT_UTF8.search(name):
        raise cursor.error(f"invalid label name for grouping: {quote(name)}", token.span)
    return name


def _matcher(cursor: Cursor) -> Matcher | str:
    """Read one matcher, or the metric name as a string of its own."""
    token = cursor.token
    if token.kind not in {Kind.IDENTIFIER, Kind.STRING}:
        raise cursor.unexpected(_CONTEXT, 'identifier or "}"')
    cursor.advance()
    name = unquote(token.text) if token.kind is Kind.STRING else token.text
    if token.kind is Kind.STRING and (cursor.at(",") or cursor.at("}")):
        if not name:
            raise cursor.error("metric name must not be empty", token.span)
        return name
    if not name:
        raise cursor.error("label name must not be empty", token.span)
    if cursor.token.value not in _OPERATORS:
        raise cursor.unexpected(_CONTEXT, "label matching operator")
    op = MatchOp(cursor.advance().value)
    value = cursor.token
    if value.kind is not Kind.STRING:
        raise cursor.unexpected(_CONTEXT, "string")
    cursor.advance()
    return checked_matcher(cursor, name, op, unquote(value.text), span=value.span)


def checked_matcher(cursor: Cursor, name: str, op: MatchOp, value: str, *, span: Span) -> Matcher:
    """Return a matcher whose pattern, if it has one, is a valid regular expression."""
    if op in {MatchOp.REGEX, MatchOp.NOT_REGEX}:
        try:
            check_pattern(value)
        except UnicodeEncodeError as error:
            raise cursor.error(
                "not a valid regular expression: it holds bytes that are not UTF-8", span
            ) from error
        except InvalidInput as error:
            raise cursor.error(str(error), span) from error
    return Matcher(name, op, value)


def name_matcher(name: str) -> Matcher:
    """Return the matcher that a metric name stands for."""
    return Matcher(METRIC_NAME, MatchOp.EQUAL, name)
