"""Rules out of a TOML file."""

from __future__ import annotations

import shlex
import tomllib
from typing import TYPE_CHECKING, Any

from bongsu.client.autoscale.rules import Rule
from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMES = ("up_for", "down_for", "up_cooldown", "down_cooldown")
_NUMBERS = ("up_above", "down_below")
_TEXTS = ("name", "number", "promql")
_COMMANDS = ("up", "down")
_FIELDS = (*_TEXTS, *_NUMBERS, *TIMES, "for", "cooldown", *_COMMANDS)


def read_rules(file: Path) -> list[Rule]:
    """
    Return the rules of a file: tables ``[[rule]]`` with the fields of `Rule`, times as in ``30s``.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or a rule is wrong.
    """
    try:
        document = tomllib.loads(file.read_text())
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}", id="bad-rule") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}", id="bad-rule") from error
    tables = document.pop("rule", None)
    if document or not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise InvalidInput(
            f"{file} must hold tables [[rule]] and nothing else; found {', '.join(document) or 'none'}",
            id="bad-rule",
        )
    rules = [make_rule(table, f"number {place}") for place, table in enumerate(tables, 1)]
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"two rules are called {twice!r}; give each a name of its own", id="bad-rule")
    return rules


def make_rule(fields: Mapping[str, Any], place: str) -> Rule:
    """
    Return a rule of its fields; ``for`` and ``cooldown`` stand for both directions.

    Parameters
    ----------
    place
        Says which rule is meant as long as its name is unknown.
    """
    name = fields.get("name") or place
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown:
        raise _bad(name, unknown[0], fields[unknown[0]], f"there are {', '.join(_FIELDS)}")
    given: dict[str, Any] = {"name": str(name)}
    for field in ("for", "cooldown"):
        if field in fields:
            seconds = _seconds(name, field, fields[field])
            given |= {f"up_{field}": seconds, f"down_{field}": seconds}
    for field in TIMES:
        if field in fields:
            given[field] = _seconds(name, field, fields[field])
    for field in _NUMBERS:
        if field in fields:
            given[field] = _number(name, field, fields[field])
    for field in ("number", "promql"):
        if field in fields:
            given[field] = _text(name, field, fields[field])
    for field in _COMMANDS:
        if field in fields:
            given[field] = _words(name, field, fields[field])
    return Rule(**given)


def _seconds(name: object, field: str, value: object) -> float:
    try:
        return parse_duration(value) / 1000 if isinstance(value, str) else _fail()
    except InvalidInput as error:
        raise _bad(name, field, value, "write a duration such as '30s'") from error


def _fail() -> float:
    raise InvalidInput("no text", id="bad-rule")


def _number(name: object, field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise _bad(name, field, value, "write a number")
    return float(value)


def _text(name: object, field: str, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(name, field, value, "write a text")
    return value.strip()


def _words(name: object, field: str, value: object) -> tuple[str, ...]:
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _bad(name, field, value, f"its quotes do not match: {error}") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise _bad(name, field, value, "write a command as a text or as a list of words")
    return tuple(words)


def _bad(name: object, field: str, value: object, hint: str) -> InvalidInput:
    return InvalidInput(f"rule {str(name)!r}: {field} = {str(value)[:80]!r}; {hint}", id="bad-rule")
