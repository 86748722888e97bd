"""
What a layout may hold: panels on a grid of twelve columns, the variables of their queries, and remarks.

The console draws it and other tools may write it, so everything that the console relies on is checked here; what a query says is
not: it may name metrics that come later.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from bongsu.control.checks import check_known, check_text
from bongsu.control.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COLUMNS = 12
"""Of the grid: it divides by two, three, four and six."""
MAX_ROWS = 1_000
MAX_PANELS = 200
"""The largest dashboards in public galleries have about 150 panels."""
MAX_QUERIES = 20
MAX_VARIABLES = 30
MAX_NOTES = 500
MAX_BYTES = 512 << 10
"""Of a layout as JSON: a large imported dashboard takes about 100 KiB."""
MAX_EXPRESSION = 20_000
KINDS = ("lines", "stat", "gauge", "table", "heatmap", "text")

_PANEL = (
    "id", "title", "kind", "x", "y", "w", "h", "unit", "queries", "min", "max", "fill", "stack", "steps", "text", "describes",
    "share", "row", "folded", "repeat", "across", "calc", "shows", "graph", "overrides", "mappings",
)  # fmt: skip
_LONGEST_STEP_S = 86_400
"""A point a day; a query has no reason to ask for fewer."""
_QUERY = ("expr", "legend", "instant", "least")
_VARIABLE = ("name", "label", "query", "regex", "value", "values", "multi", "all", "allValue")
_STEP = ("at", "state")
_STATES = ("ok", "warn", "bad")
_CALCS = ("last", "mean", "max", "min", "sum")
_SHOWS = ("value", "name")
_OVERRIDE = ("match", "regex", "negative", "colour", "name")
_MAPPING = ("from", "to", "text", "state")
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)


def check_layout(value: object) -> dict[str, Any]:
    """Return the document of a layout; raises BadValue with the place of the first mistake."""
    document = _object("layout", value)
    check_known(document, ("panels", "variables", "notes"))
    _each("panels", document.get("panels"), MAX_PANELS, _check_panel)
    _each("variables", document.get("variables", []), MAX_VARIABLES, _check_variable)
    _each("notes", document.get("notes", []), MAX_NOTES, _check_note)
    _check_distinct("panels", "id", document["panels"])
    _check_distinct("variables", "name", document.get("variables", []))
    size = len(orjson.dumps(document))
    if size > MAX_BYTES:
        raise BadValue(f"the layout takes {size} bytes, {MAX_BYTES} are allowed; split it into several")
    return document


def _check_panel(where: str, value: object) -> None:
    panel = _object(where, value)
    check_known(panel, _PANEL)
    check_text(f"{where}.id", panel.get("id"), maximum=64)
    _text(f"{where}.title", panel.get("title"))
    _one_of(f"{where}.kind", panel.get("kind"), KINDS)
    x = _whole(f"{where}.x", panel.get("x"), 0, COLUMNS - 1)
    _whole(f"{where}.y", panel.get("y"), 0, MAX_ROWS)
    _whole(f"{where}.w", panel.get("w"), 1, COLUMNS - x)
    _whole(f"{where}.h", panel.get("h"), 1, MAX_ROWS)
    _each(f"{where}.queries", panel.get("queries", []), MAX_QUERIES, _check_query)
    _each(f"{where}.steps", panel.get("steps", []), MAX_QUERIES, _check_step)
    for name in ("min", "max"):
        _number_or_none(f"{where}.{name}", panel.get(name))
    _text(f"{where}.unit", panel.get("unit", ""))
    for name in ("text", "describes"):
        _text(f"{where}.{name}", panel.get(name, ""), maximum=MAX_EXPRESSION)
    for name in ("fill", "stack", "share", "row", "folded", "graph"):
        _flag(f"{where}.{name}", panel.get(name, False))
    _text(f"{where}.repeat", panel.get("repeat", ""), maximum=64)
    _whole(f"{where}.across", panel.get("across", 1), 1, COLUMNS)
    _one_of(f"{where}.calc", panel.get("calc", "last"), _CALCS)
    _one_of(f"{where}.shows", panel.get("shows", "value"), _SHOWS)
    _each(f"{where}.overrides", panel.get("overrides", []), MAX_QUERIES, _check_override)
    _each(f"{where}.mappings", panel.get("mappings", []), MAX_QUERIES, _check_mapping)


def _check_query(where: str, value: object) -> None:
    query = _object(where, value)
    check_known(query, _QUERY)
    _text(f"{where}.expr", query.get("expr"), maximum=MAX_EXPRESSION)
    _text(f"{where}.legend", query.get("legend", ""))
    _flag(f"{where}.instant", query.get("instant", False))
    _whole(f"{where}.least", query.get("least", 0), 0, _LONGEST_STEP_S)


def _check_variable(where: str, value: object) -> None:
    variable = _object(where, value)
    check_known(variable, _VARIABLE)
    name = check_text(f"{where}.name", variable.get("name"), maximum=64)
    if not (name.isidentifier() and name.isascii()):
        raise BadValue(f"'{where}.name' is {_shown(name)}; send letters, digits and '_', not a digit first")
    for key in ("label", "query", "regex", "value", "allValue"):
        _text(f"{where}.{key}", variable.get(key, ""), maximum=MAX_EXPRESSION)
    _each(f"{where}.values", variable.get("values", []), MAX_NOTES, _text)
    for key in ("multi", "all"):
        _flag(f"{where}.{key}", variable.get(key, False))


def _check_step(where: str, value: object) -> None:
    step = _object(where, value)
    check_known(step, _STEP)
    _number_or_none(f"{where}.at", step.get("at"))
    _one_of(f"{where}.state", step.get("state"), _STATES)


def _check_override(where: str, value: object) -> None:
    override = _object(where, value)
    check_known(override, _OVERRIDE)
    for key in ("match", "name"):
        _text(f"{where}.{key}", override.get(key, ""))
    for key in ("regex", "negative"):
        _flag(f"{where}.{key}", override.get(key, False))
    colour = override.get("colour")
    if colour is not None and not (isinstance(colour, str) and _COLOUR.fullmatch(colour)):
        raise BadValue(f"'{where}.colour' is {_shown(colour)}; send #rrggbb in small letters")


def _check_mapping(where: str, value: object) -> None:
    mapping = _object(where, value)
    check_known(mapping, _MAPPING)
    for key in ("from", "to"):
        _number_or_none(f"{where}.{key}", mapping.get(key))
    _text(f"{where}.text", mapping.get("text"))
    _one_of(f"{where}.state", mapping.get("state", ""), ("", *_STATES))


def _check_note(where: str, value: object) -> None:
    _text(where, value, maximum=1_000)


def _each(where: str, value: object, most: int, check: Callable[[str, object], None]) -> None:
    if not isinstance(value, list):
        raise BadValue(f"{where!r} is {_shown(value)}; send a list")
    if len(value) > most:
        raise BadValue(f"{where!r} has {len(value)} entries, {most} are allowed; send fewer")
    for index, entry in enumerate(value):
        check(f"{where}[{index}]", entry)


def _check_distinct(where: str, key: str, entries: list[Mapping[str, object]]) -> None:
    seen: set[object] = set()
    for entry in entries:
        if entry[key] in seen:
            raise BadValue(f"two of {where!r} have the {key} {_shown(entry[key])}; give each its own")
        seen.add(entry[key])


def _object(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValue(f"{where!r} is {_shown(value)}; send an object")
    return value


def _text(where: str, value: object, *, maximum: int = 500) -> None:
    if not isinstance(value, str) or len(value) > maximum or "\x00" in value:
        raise BadValue(f"{where!r} is {_shown(value)}; send a text of at most {maximum} characters")


def _flag(where: str, value: object) -> None:
    if not isinstance(value, bool):
        raise BadValue(f"{where!r} is {_shown(value)}; send true or false")


def _one_of(where: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        known = ", ".join(one or "''" for one in allowed)
        raise BadValue(f"{where!r} is {_shown(value)}; send one of {known}")


def _whole(where: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadValue(f"{where!r} is {_shown(value)}; send a whole number from {least} to {most}")
    return value


def _number_or_none(where: str, value: object) -> None:
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise BadValue(f"{where!r} is {_shown(value)}; send a number or null")


def _shown(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
