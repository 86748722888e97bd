"""`match[]` parameters and label names of the URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.times import MAX_TIME_MS
from bongsu.model.errors import InvalidInput
from bongsu.promql.errors import ParseError
from bongsu.promql.parser import parse_selector

if TYPE_CHECKING:
    from collections.abc import Callable

    from bongsu.api.prometheus.parameters import Parameters
    from bongsu.model.matchers import Matcher

    Selector = tuple[Matcher, ...]

MATCH = "match[]"
_ESCAPED_PREFIX = "U__"
_ESCAPE = re.compile(r"_(?:(_)|([0-9A-Fa-f]{1,6})_)")


def read_selector(text: str, name: str = MATCH) -> Selector:
    """Return the matchers of one selector; errors name the parameter."""
    try:
        return parse_selector(text).matchers
    except ParseError as error:
        raise invalid_parameter(name, error.message) from error


def read_selectors(
    parameters: Parameters, *, required: bool = False, read: Callable[[str], Selector] = read_selector
) -> list[Selector]:
    """
    Return the selectors of a call, of which a series needs to match one.

    Parameters
    ----------
    read
        Reads one; whoever reads the same again and again remembers what it gave.

    Raises
    ------
    InvalidInput
        If one is not a selector or could match series without any label, or there is none and one is required.
    """
    texts = parameters.texts(MATCH)
    if required and not texts:
        raise InvalidInput("no match[] parameter provided", id="match-missing")
    return [read(text) for text in texts]


def read_time_range(parameters: Parameters) -> tuple[int, int]:
    """Return the closed range of a look-up in Unix milliseconds; all time when none is given."""
    return parameters.time_ms("start", -MAX_TIME_MS), parameters.time_ms("end", MAX_TIME_MS)


def label_name_of_path(raw_path: bytes) -> str:
    """
    Return the label name of ``.../label/<name>/values``, percent-decoded and unescaped.

    Raises
    ------
    InvalidInput
        If it is empty or not UTF-8.
    """
    encoded = raw_path.partition(b"/label/")[2].rpartition(b"/values")[0]
    try:
        name = unescape_name(unquote_to_bytes(encoded).decode())
    except UnicodeDecodeError:
        name = ""
    if not name:
        raise InvalidInput(
            f'invalid label name: "{encoded.decode("ascii", "replace")[:80]}"', id="invalid-label"
        )
    return name


def unescape_name(name: str) -> str:
    """
    Return the name that ``U__`` escapes: ``__`` is an underscore, ``_2e_`` the character U+002E.

    A name that is not escaped, or wrongly so, stands for itself, as in Prometheus.
    """
    if not name.startswith(_ESCAPED_PREFIX):
        return name
    rest = name.removeprefix(_ESCAPED_PREFIX)
    unescaped: list[str] = []
    position = 0
    while position < len(rest):
        if rest[position] != "_":
            unescaped.append(rest[position])
            position += 1
            continue
        escape = _ESCAPE.match(rest, position)
        character = None if escape is None else _character(escape)
        if escape is None or character is None:
            return name
        unescaped.append(character)
        position = escape.end()
    return "".join(unescaped)


def _character(escape: re.Match[str]) -> str | None:
    if escape[1]:
        return "_"
    code = int(escape[2], 16)
    is_scalar = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_scalar else None
