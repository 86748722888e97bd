"""
Replacement texts with references to a pattern's groups, as Go's ``regexp.Expand`` reads them.

``$1``, ``$name``, ``${1}`` and ``${name}`` stand for a group; a name without braces reaches as far as letters, digits and
underscores go, so ``$1x`` is the group ``1x``; ``$$`` is a dollar sign. A group that the pattern has not, or that took no part
in the match, is empty; a dollar sign that starts no reference stands for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_GROUP = 10**8
"""Numbers from here on are names (Go's documentation of Expand)."""


class Template:
    """
    A compiled replacement.

    Parameters
    ----------
    pattern
        The compiled pattern whose matches are expanded.
    """

    def __init__(self, text: str, pattern: Any) -> None:  # the regex library has no types
        parts = [_resolved(part, pattern.groups, pattern.groupindex) for part in _parts(text)]
        self._parts: list[str | int] = [part for part in parts if part != ""]
        self._constant = (
            "".join(map(str, self._parts)) if all(isinstance(p, str) for p in self._parts) else None
        )

    def expand(self, match: Any) -> str:  # as above
        """Return the text for one match."""
        if self._constant is not None:
            return self._constant
        return "".join([part if isinstance(part, str) else match.group(part) or "" for part in self._parts])


class _Group(str):
    """The name or number of a group, told apart from plain text."""

    __slots__ = ()


def _parts(text: str) -> Iterator[str]:
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0:
            yield text[at:]
            return
        yield text[at:dollar]
        if text.startswith("$", dollar + 1):
            yield "$"
            at = dollar + 2
            continue
        name, at = _reference(text, dollar + 1)
        yield "$" if name is None else _Group(name)


def _reference(text: str, start: int) -> tuple[str | None, int]:
    """Return the name of the reference whose dollar sign ends at `start`, and where it ends; None for a lone dollar sign."""
    braced = text.startswith("{", start)
    begin = end = start + braced
    while end < len(text) and (text[end] == "_" or text[end].isalpha() or text[end].isdecimal()):
        end += 1
    if end == begin or (braced and not text.startswith("}", end)):
        return None, start
    return text[begin:end], end + braced


def _resolved(part: str, groups: int, names: Mapping[str, int]) -> str | int:
    """Return plain text as it is, a reference as the group's number, and an unknown group as nothing."""
    if not isinstance(part, _Group):
        return part
    is_number = part.isascii() and part.isdigit() and (part == "0" or not part.startswith("0"))
    if is_number and int(part) < _MAX_GROUP:
        return int(part) if int(part) <= groups else ""
    return names.get(str(part), "")
