"""
From text to tokens.

The lexer never raises: a fault becomes an `ERROR` token that ends the list, so that a fault of grammar before it is the
one that is reported.
"""

from __future__ import annotations

import enum
import math
import re
from typing import NamedTuple

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput
from bongsu.promql.parser.ast import AggregateOp, Span
from bongsu.promql.parser.strings import find_fault, quote


class Kind(enum.Enum):
    """What a token is; the text is how messages call it."""

    IDENTIFIER = "identifier"
    METRIC_IDENTIFIER = "metric identifier"
    KEYWORD = "keyword"
    AGGREGATOR = "aggregator"
    OPERATOR = "operator"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    PUNCTUATION = "punctuation"
    EOF = "end of input"
    ERROR = "error"


class Token(NamedTuple):
    """
    One token.

    Attributes
    ----------
    value
        Keywords, aggregators, operators and punctuation, in lower case; the message of an error; empty for all others.
    text
        The text as written.
    """

    kind: Kind
    value: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset of the character after the token."""
        return self.start + len(self.text)

    @property
    def span(self) -> Span:
        """Where the token stands."""
        return Span(self.start, self.end)

    def describe(self) -> str:
        """Return how messages name the token."""
        match self.kind:
            case Kind.EOF:
                return "end of input"
            case Kind.KEYWORD:
                return f"<{self.text}>"
            case Kind.OPERATOR:
                return f"<op:{self.text}>"
            case Kind.AGGREGATOR:
                return f"<aggr:{self.text}>"
            case Kind.PUNCTUATION:
                return quote(self.text)
            case _:
                shown = self.text if len(self.text) <= _SHOWN_CHARACTERS else self.text[:_SHOWN_CHARACTERS]
                return f"{self.kind.value} {quote(shown)}{'...' if shown != self.text else ''}"


_SHOWN_CHARACTERS = 10
"""Longer identifiers, numbers and strings are cut in messages, as in Prometheus."""

_OPERATOR_WORDS = frozenset({"and", "or", "unless", "atan2"})
_NUMBER_WORDS = frozenset({"inf", "nan"})
_AGGREGATORS = frozenset(op.value for op in AggregateOp)
_KEYWORDS = frozenset(
    {
        "offset", "anchored", "smoothed", "by", "without", "on", "ignoring", "group_left", "group_right", "bool",
        "fill", "fill_left", "fill_right", "start", "end", "step", "range", "min_of", "max_of",
    }
)  # fmt: skip

_RESERVED = {
    **dict.fromkeys(_AGGREGATORS, Kind.AGGREGATOR),
    **dict.fromkeys(_KEYWORDS, Kind.KEYWORD),
    **dict.fromkeys(_OPERATOR_WORDS, Kind.OPERATOR),
}
"""Words that are more than names, by their text in lower case."""

_EXPRESSION = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|\#[^\n]*)
    | (?P<number>0[xX][0-9a-zA-Z_.]*|\.?[0-9](?:[eE][+-](?=[0-9])|[0-9a-zA-Z_.])*)
    | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<operator></|>/|==|!=|=~|!~|<=|>=|[-+*/%^<>@])
    | (?P<punctuation>[(){}\[\],=])
    | (?P<string>["'`])
    """,
    re.VERBOSE,
)
"""Outside of braces and brackets."""

_BRACKETS = re.compile(
    _EXPRESSION.pattern.replace("[a-zA-Z_:][a-zA-Z0-9_:]*", "[a-zA-Z_][a-zA-Z0-9_]*").replace(
        r"[(){}\[\],=]", r"[(){}\[\],=:]"
    ),
    re.VERBOSE,
)
"""Inside brackets a colon parts range and resolution, and is no part of a word."""

_BRACES = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|\#[^\n]*)
    | (?P<word>[a-zA-Z_][a-zA-Z0-9_]*)
    | (?P<operator>!=|=~|!~)
    | (?P<punctuation>[{},=])
    | (?P<string>["'`])
    """,
    re.VERBOSE,
)
"""Inside braces every word is a label name, keywords too."""

_DIGITS = r"[0-9](?:_?[0-9])*"
_DECIMAL = re.compile(rf"(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL = re.compile(r"0[xX](?:_?[0-9a-fA-F])+")
_OCTAL = re.compile(r"0(?:_?[0-7])+")
_STRING_ENDS = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*"'),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*'"),
    "`": re.compile(r"[^`]*`"),
}


def parse_number(text: str) -> float | None:
    """
    Return the value of a number in any form that PromQL has, or None; a leading 0 means octal, as in Go.

    A decimal too large for a float is infinite.
    """
    lowered = text.lower()
    if lowered in _NUMBER_WORDS:
        return math.inf if lowered == "inf" else math.nan
    if _HEXADECIMAL.fullmatch(text):
        return _integer(text, 16)
    octal = _integer(text, 8) if _OCTAL.fullmatch(text) else None
    if octal is not None:
        return octal
    return float(text) if _DECIMAL.fullmatch(text) else None


def _integer(text: str, base: int) -> float | None:
    """Return an integer that 64 bits can hold: longer octal forms are read as decimals, as in Go, longer hexadecimals refused."""
    value = int(text.replace("_", ""), base) if len(text) <= _MAX_INTEGER_DIGITS else _MAX_INTEGER + 1
    return float(value) if value <= _MAX_INTEGER else None


_MAX_INTEGER = (1 << 63) - 1

_MAX_INTEGER_DIGITS = 48
"""Room for the digits of 64 bits with an underscore between any two: what is longer is not worth reading."""


def tokenize(text: str) -> list[Token]:
    """Return the tokens of `text`, the last one `EOF` or `ERROR`."""
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[Token] = []
        self._depth = 0  # open parentheses
        self._in_braces = False
        self._in_brackets = False

    def run(self) -> list[Token]:
        text, position = self._text, 0
        while position < len(text):
            pattern = _BRACES if self._in_braces else _BRACKETS if self._in_brackets else _EXPRESSION
            found = pattern.match(text, position)
            if found is None or found.lastgroup is None:
                return self._fault(position, self._unexpected_character(text[position]))
            if found.lastgroup != "space":
                fault = self._take(found.lastgroup, found.group(), position)
                if fault is not None:
                    return self._fault(position, fault)
            position = self._tokens[-1].end if found.lastgroup == "string" else found.end()
        return self._end()

    def _end(self) -> list[Token]:
        end = len(self._text)
        if self._in_braces:
            return self._fault(end, 'unexpected end of input inside braces, expected a label matcher or "}"')
        if self._in_brackets:
            return self._fault(end, 'unclosed left bracket, expected "]"')
        if self._depth:
            return self._fault(end, 'unclosed left parenthesis, expected ")"')
        self._tokens.append(Token(Kind.EOF, "", "", end))
        return self._tokens

    def _fault(self, position: int, message: str) -> list[Token]:
        self._tokens.append(Token(Kind.ERROR, message, self._text[position : position + 1], position))
        return self._tokens

    def _unexpected_character(self, character: str) -> str:
        if self._in_braces:
            return f"unexpected character inside braces: {_quote_character(character)}"
        if self._in_brackets:
            return f"unexpected character in duration expression: {_quote_character(character)}"
        if character == "!":
            return "unexpected character: '!', expected != or !~"
        return f"unexpected character: {_quote_character(character)}"

    def _take(self, group: str, text: str, position: int) -> str | None:
        """Append a token; return what is wrong with it, if anything."""
        match group:
            case "number":
                return self._take_number(text, position)
            case "word":
                self._tokens.append(_word(text, position, is_label=self._in_braces))
            case "operator":
                self._tokens.append(Token(Kind.OPERATOR, text, text, position))
            case "string":
                return self._take_string(text, position)
            case _:
                fault = self._track(text)
                if fault is None:
                    self._tokens.append(Token(Kind.PUNCTUATION, text, text, position))
                return fault
        return None

    def _take_number(self, text: str, position: int) -> str | None:
        number = parse_number(text)
        if number is not None and math.isinf(number):
            return f"number out of range: {quote(text)}, the largest is about 1.8e308"
        if number is not None:
            self._tokens.append(Token(Kind.NUMBER, "", text, position))
            return None
        try:
            parse_duration(text)
        except InvalidInput as error:
            return (
                f"bad number or duration syntax: {quote(text)}"
                if "out of range" not in str(error)
                else "duration out of range"
            )
        self._tokens.append(Token(Kind.DURATION, "", text, position))
        return None

    def _take_string(self, opening: str, position: int) -> str | None:
        closed = _STRING_ENDS[opening].match(self._text, position + 1)
        if closed is None:
            return (
                f"unterminated quoted string, expected a closing {opening}"
                if opening != "`"
                else "unterminated raw string, expected a closing `"
            )
        text = self._text[position : closed.end()]
        fault = find_fault(text)
        if fault is None:
            self._tokens.append(Token(Kind.STRING, "", text, position))
        return fault

    def _track(self, text: str) -> str | None:
        """Follow parentheses, brackets and braces; return what is wrong with them."""
        match text:
            case "(":
                self._depth += 1
            case ")":
                self._depth -= 1
                return "unexpected right parenthesis ')'" if self._depth < 0 else None
            case "{":
                fault = "unexpected left brace '{'" if self._in_braces else None
                self._in_braces = True
                return fault
            case "}":
                fault = None if self._in_braces else "unexpected right brace '}'"
                self._in_braces = False
                return fault
            case "[":
                fault = "unexpected left bracket '['" if self._in_brackets else None
                self._in_brackets = True
                return fault
            case "]":
                fault = None if self._in_brackets else "unexpected right bracket ']'"
                self._in_brackets = False
                return fault
        return None


def _word(text: str, position: int, *, is_label: bool) -> Token:
    if is_label:
        return Token(Kind.IDENTIFIER, "", text, position)
    lowered = text.lower()
    kind = _RESERVED.get(lowered)
    if kind is not None:
        return Token(kind, lowered, text, position)
    if lowered in _NUMBER_WORDS:
        return Token(Kind.NUMBER, "", text, position)
    return Token(Kind.METRIC_IDENTIFIER if ":" in text else Kind.IDENTIFIER, "", text, position)


def _quote_character(character: str) -> str:
    return "'\\''" if character == "'" else f"'{quote(character)[1:-1]}'" if character != '"' else "'\"'"
