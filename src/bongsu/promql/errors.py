"""
Errors of PromQL: what is wrong with the text of a query, and what went wrong while it ran.

Which of them is which status is the API's matter: a malformed query and one that is not built yet are invalid input;
the others are kinds of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.errors import BongsuError, InvalidInput

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Span


class ParseError(InvalidInput):
    """
    The text is not a PromQL expression, or one whose types don't fit.

    Parameters
    ----------
    detail
        What was found and what was expected, without the position.
    text
        The whole query.
    span
        Where in `text` the fault is.

    Attributes
    ----------
    line, column
        Where the fault begins, both from 1; columns count characters.
    """

    def __init__(self, detail: str, *, text: str, span: Span) -> None:
        self.detail = detail
        self.span = span
        self.line, self.column = span.position(text)
        super().__init__(f"{self.line}:{self.column}: parse error: {detail}", id="promql-parse-error")


class NotImplementedYet(InvalidInput):
    """The language has it and this server has not built it: refused rather than answered wrongly."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not implemented yet", id="promql-not-implemented-yet")


class ExecutionError(BongsuError):
    """The query is well formed but has no answer on this data, such as two results with the same labels."""

    def __init__(self, message: str, *, id: str = "promql-execution") -> None:  # noqa: A002 - the catalogue's word
        super().__init__(message, id=id)


class TooManySamples(ExecutionError):
    """The query would hold more samples at once than is allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "query processing would load too many samples into memory in query execution: "
            f"the limit is {limit}; narrow the selector, shorten the range, or raise the project's limit "
            "'max_query_samples' (setting query.max_samples)",
            id="promql-too-many-samples",
        )
        self.limit = limit


class QueryTimeout(BongsuError):
    """The query did not end within its time."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(
            f"query timed out in expression evaluation: it was given {timeout_s:g} s; "
            "narrow it, or raise its timeout parameter or query.timeout",
            id="promql-timeout",
        )
        self.timeout_s = timeout_s


class QueryCancelled(BongsuError):
    """The query was given up, mostly because nobody waits for its answer any more."""

    def __init__(self) -> None:
        super().__init__("query was canceled in expression evaluation", id="promql-cancelled")
