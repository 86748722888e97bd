"""
Regular expressions that cannot be made to hang: RE2 syntax and linear time, as PromQL and relabelling demand.

Patterns are anchored at both ends and their dot matches newline, as in Prometheus.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import re2

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CACHED_PATTERNS = 1024
"""Compiled patterns kept; a dashboard repeats its few dozen, and one costs some kilobytes."""


_ESCAPES = re.compile(r"\\(?:Q(?:.*?\\E|.*)|.)", re.DOTALL)
"""An escape sequence; quoted text is one. ``\\C``, a single byte, is RE2's but not Go's."""


def _options() -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return options


@functools.lru_cache(maxsize=_CACHED_PATTERNS)
def compile_anchored(pattern: str) -> Any:
    """
    Return the compiled pattern; its ``fullmatch`` gives groups for rewriting.

    Raises
    ------
    InvalidInput
        If the pattern is not valid RE2 syntax.
    """
    if any(escape.group() == r"\C" for escape in _ESCAPES.finditer(pattern)):
        raise _bad_pattern(pattern, r"invalid escape sequence: \C")
    # Compiled with the anchors inside, as Prometheus does: `a|b` means `^(?:a|b)$`.
    return _compiled(f"^(?:{pattern})$", pattern)


@functools.lru_cache(maxsize=_CACHED_PATTERNS)
def check_pattern(pattern: str) -> None:
    """
    Raise InvalidInput if `compile_anchored` does, and also where a pattern is good between the anchors' parentheses alone, as ``a)(b`` is.

    Prometheus refuses such a pattern in a matcher, but not in ``label_replace`` and relabelling.
    """
    _compiled(pattern, pattern)
    compile_anchored(pattern)


def _compiled(text: str, pattern: str) -> Any:
    try:
        return re2.compile(text, _options())
    except re2.error as error:
        cause = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise _bad_pattern(pattern, cause) from error


def _bad_pattern(pattern: str, cause: str) -> InvalidInput:
    return InvalidInput(f"not a valid regular expression: {pattern!r}: {cause}", id="bad-regex")


def full_matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a whole text matches; raises InvalidInput as `compile_anchored`."""
    fullmatch = compile_anchored(pattern).fullmatch
    return lambda text: fullmatch(text) is not None


_LINE_UNSAFE = re.compile(r"\\[AzQC]|\(\?(?![:P<i])|\(\?i[^:)]")
"""What may mean another thing inside a text of many lines: ends of text, quoting, single bytes, other flags than case."""


@functools.lru_cache(maxsize=_CACHED_PATTERNS)
def line_matcher(pattern: str) -> Callable[[bytes], Iterator[int]] | None:
    """
    Return a function that gives the beginnings of those lines that match as a whole; None if the pattern can't be used so.

    Ten thousand texts are searched by one pass in RE2 instead of ten thousand calls. Lines are not empty, end with a line feed, and
    have none inside.

    Raises
    ------
    InvalidInput
        If the pattern is not valid RE2 syntax.
    """
    compile_anchored(pattern)
    if _LINE_UNSAFE.search(pattern):
        return None
    options = _options()
    options.never_nl = True
    options.never_capture = True
    compiled = re2.compile(f"(?m)^(?:{pattern})$".encode(), options)
    return lambda lines: (match.start() for match in compiled.finditer(lines, 0, len(lines) - 1))
