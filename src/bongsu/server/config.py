"""
Settings: one TOML file, the environment, and flags, in that order of growing strength.

A setting ``query.timeout`` is ``timeout`` in the file's ``[query]`` table and ``BONGSU_QUERY_TIMEOUT`` in the environment.
Unknown settings and values of the wrong kind are errors that name the setting, the value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_type_hints

from bongsu.model.durations import format_duration, parse_duration
from bongsu.model.errors import InvalidInput
from bongsu.server.contradictions import contradictions
from bongsu.server.settings import KNOWN_FEATURES, PERMANENT_FEATURES, Settings

if TYPE_CHECKING:
    from pathlib import Path

_OTHER_VARIABLES = frozenset({"BONGSU_ADMIN_TOKEN", "BONGSU_CACHE_DIR", "BONGSU_KEY", "BONGSU_URL"})
"""Variables that are read elsewhere: secrets and places, which are no settings of the server."""

_AGENT_VARIABLES = "BONGSU_AGENT_"
"""Begins the variables of the agent, which may run beside the server."""


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, object] | None = None,
    features: frozenset[str] = frozenset(),
) -> Settings:
    """
    Return the settings of a file, the environment and flags; later ones win.

    Parameters
    ----------
    flags
        Dotted names, as in ``{"server.listen": "127.0.0.1:0"}``.

    Raises
    ------
    InvalidInput
        At unknown settings and values that are not allowed; the message names all of them.
    """
    mistakes: list[InvalidInput] = []
    unknown = features - KNOWN_FEATURES - PERMANENT_FEATURES
    if unknown:
        mistakes.append(
            InvalidInput(
                f"unknown feature {min(unknown)!r}; known: {', '.join(sorted(KNOWN_FEATURES))}",
                id="unknown-feature",
            )
        )
    given = _flatten(_read(file)) if file else {}
    given |= {name: environment[_variable(name)] for name in _names() if _variable(name) in environment}
    given |= flags or {}
    settings = Settings(features=features & KNOWN_FEATURES)
    for name, value in given.items():
        try:
            settings = _apply(settings, name, value)
        except InvalidInput as mistake:
            mistakes.append(mistake)
    mistakes += [InvalidInput(sentence, id="bad-setting") for sentence in contradictions(settings)]
    if mistakes:
        raise InvalidInput("\n".join(mistake.message for mistake in mistakes), id=mistakes[0].id)
    return settings


def stray_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return sentences about variables that look like settings but are none, most likely misspelt."""
    known = {_variable(name) for name in _names()} | _OTHER_VARIABLES
    strays = sorted(
        name
        for name in environment
        if name.startswith("BONGSU_") and not name.startswith(_AGENT_VARIABLES) and name not in known
    )
    return [f"the environment variable {name} is not a setting{_suggestion(name, known)}" for name in strays]


def setting_rows() -> list[tuple[str, str, str, str]]:
    """Return name, variable, default and description of every setting; what the documentation's table is made of."""
    defaults = Settings()
    rows = []
    for name in _names():
        spec = _field(name)
        value = _get(defaults, name)
        shown = (
            ",".join(value) if isinstance(value, tuple) else _shown(value, duration=spec.metadata["duration"])
        )
        rows.append((name, _variable(name), shown, spec.metadata["doc"]))
    return rows


def _shown(value: object, *, duration: bool) -> str:
    return format_duration(value) if duration and isinstance(value, int) else str(value)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise InvalidInput(
            f"cannot read the configuration {file}: {error.strerror}", id="bad-configuration"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}", id="bad-configuration") from error


def _flatten(tables: Mapping[str, Any]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": v for inner, v in value.items()}
        else:
            flat[name] = value
    return flat


def _names() -> list[str]:
    names = []
    for section in fields(Settings):
        if section.metadata:
            names.append(section.name)
            continue
        table: Any = section.default_factory
        if dataclasses.is_dataclass(table):
            names += [f"{section.name}.{inner.name}" for inner in fields(table)]
    return names


def _variable(name: str) -> str:
    return "BONGSU_" + name.replace(".", "_").upper()


def _owner(name: str) -> tuple[Any, str]:
    section, _, inner = name.rpartition(".")
    if not section:
        return Settings, inner
    owner = get_type_hints(Settings)[section]
    return owner, inner


def _field(name: str) -> dataclasses.Field[Any]:
    owner, inner = _owner(name)
    return next(spec for spec in fields(owner) if spec.name == inner)


def _get(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _apply(settings: Settings, name: str, value: object) -> Settings:
    if name not in _names():
        raise InvalidInput(
            f"unknown setting {name!r}{_suggestion(name, _names())}; `bongsu settings` lists all",
            id="unknown-setting",
        )
    owner, inner = _owner(name)
    converted = _convert(name, value, get_type_hints(owner)[inner], _field(name).metadata)
    change: dict[str, Any] = {inner: converted}
    if owner is not Settings:
        section = name.partition(".")[0]
        change = {section: dataclasses.replace(getattr(settings, section), **change)}
    return dataclasses.replace(settings, **change)


def _convert(name: str, value: object, kind: object, rules: Mapping[str, Any]) -> object:
    converters: dict[object, Callable[[object], object]] = {
        int: _duration if rules["duration"] else _integer,
        str: _text,
        tuple[str, ...]: _texts,
    }
    try:
        converted = converters[kind](value)
    except (ValueError, InvalidInput) as error:
        shown = "<secret>" if rules["secret"] else repr(value)
        raise InvalidInput(f"setting {name} = {shown}: {error}", id="bad-setting") from error
    if rules["choices"] and converted not in rules["choices"]:
        raise InvalidInput(
            f"setting {name} = {value!r}: choose one of {', '.join(rules['choices'])}", id="bad-setting"
        )
    if rules["minimum"] is not None and isinstance(converted, int) and converted < rules["minimum"]:
        least = _shown(rules["minimum"], duration=rules["duration"])
        raise InvalidInput(f"setting {name} = {value!r}: at least {least} is needed", id="bad-setting")
    return converted


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - one kind of error for every bad value
    try:
        return int(value)
    except ValueError:
        raise ValueError("a whole number is needed") from None


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a duration such as '15s' is needed")  # noqa: TRY004 - as above
    return parse_duration(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is needed")  # noqa: TRY004 - as above
    return value


def _texts(value: object) -> tuple[str, ...]:
    items = [item for item in value.split(",") if item.strip()] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError("a list of texts is needed")
    return tuple(item.strip() for item in items)


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
