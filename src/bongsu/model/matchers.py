"""Label matchers: the four questions that can be asked of a label's value."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class MatchOp(enum.Enum):
    """How a matcher compares; regular expressions have RE2 syntax, are anchored, and their dot matches newline."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """
    One condition on one label; a label that a series lacks has the empty value.

    A pattern is checked where it enters (the parser); `bongsu.storage.matching` evaluates matchers.
    """

    name: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.op.value}{quote(self.value)}"


def quote(text: str) -> str:
    """Return `text` as a double-quoted string with Go escapes, as PromQL and the exposition formats write it."""
    escaped = (
        text.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\r", "\\r")
    )
    return f'"{escaped}"'
