"""A place in the tokens of a query, and how faults at that place are told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bongsu.promql.errors import ParseError
from bongsu.promql.parser.ast import Span
from bongsu.promql.parser.lexer import Kind, Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NESTING = 110
"""Parentheses, calls, signs and right operands inside one another: each costs up to six of the thousand frames of Python."""


class Cursor:
    """
    Reads tokens one after another.

    Parameters
    ----------
    text
        The query; it must be encodable as UTF-8.

    Raises
    ------
    ParseError
        If the text holds lone surrogates.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ParseError("invalid UTF-8", text=text, span=Span(error.start, error.end)) from error
        self._tokens = tokenize(text)
        self._index = 0
        self._token = self._tokens[0]
        self._nesting = 0

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self._token

    @property
    def following(self) -> Token:
        """The token after the next one."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def end(self) -> int:
        """Where the token that was read last ended."""
        return self._tokens[self._index - 1].end if self._index else 0

    def advance(self) -> Token:
        """Read the next token; the last one stays."""
        token = self._token
        if self._index < len(self._tokens) - 1:
            self._index += 1
            self._token = self._tokens[self._index]
        return token

    def at(self, value: str) -> bool:
        """Tell whether the next token is this punctuation, operator, keyword or aggregator."""
        return self._token.value == value

    def accept(self, *values: str) -> Token | None:
        """Read the next token if it is one of `values`."""
        return self.advance() if self._token.value in values else None

    def expect(self, value: str, *, context: str = "", expected: str = "") -> Token:
        """Read the next token, which must be `value`."""
        if self._token.value != value:
            raise self.unexpected(context, expected or f'"{value}"')
        return self.advance()

    def since(self, start: int) -> Span:
        """Return the span from `start` to the end of the token that was read last."""
        return Span(start, self.end)

    def unexpected(self, context: str, expected: str) -> ParseError:
        """Return the error that the next token is: of the lexer if it found one, else of the grammar."""
        if self.token.kind is Kind.ERROR:
            return self.error(self.token.value, self.token.span)
        detail = f"unexpected {self.token.describe()}" + (f" in {context}" if context else "")
        return self.error(f"{detail}, expected {expected}", self.token.span)

    def error(self, detail: str, span: Span) -> ParseError:
        """Return an error at a place."""
        return ParseError(detail, text=self.text, span=span)

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Count one level of nesting; too many are refused."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self.error(
                f"expression is nested too deeply, at most {MAX_NESTING} levels are allowed", self.token.span
            )
        yield
        self._nesting -= 1
