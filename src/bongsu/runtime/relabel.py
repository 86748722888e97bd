"""
Relabelling: rules that keep, drop and rewrite label sets, in the words and with the meaning of Prometheus' ``relabel_config``.

Rules are checked once (`relabel_rule`) and compiled once (`Relabeller`). An empty value means that the label is missing.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bongsu.model.errors import InvalidInput
from bongsu.runtime.regex import compile_anchored
from bongsu.runtime.regex_template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Labels = dict[str, str]
    Step = Callable[[Labels], bool]
    """Changes a label set in place and tells whether it is kept."""


class Action(enum.StrEnum):
    """What a rule does."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEP_EQUAL = "keepequal"
    DROP_EQUAL = "dropequal"
    HASH_MOD = "hashmod"
    LABEL_MAP = "labelmap"
    LABEL_DROP = "labeldrop"
    LABEL_KEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


_EQUAL = frozenset({Action.KEEP_EQUAL, Action.DROP_EQUAL})
_BY_NAME = frozenset({Action.LABEL_DROP, Action.LABEL_KEEP})
_CASES = frozenset({Action.LOWERCASE, Action.UPPERCASE})
_WITH_TARGET = _EQUAL | _CASES | {Action.REPLACE, Action.HASH_MOD}

_MAX_MODULUS = 2**64 - 1
_MAX_PATTERN = 4096
"""Characters of one pattern; RE2 bounds the time of a match, this the memory of its program."""
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RelabelRule:
    """One rule; the fields and their defaults are those of Prometheus' configuration."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    target_label: str = ""
    regex: str = "(.*)"
    modulus: int = 0
    replacement: str = "$1"
    action: Action = Action.REPLACE

    def as_json(self) -> dict[str, Any]:
        """Return the rule as it is written, what has its default left out."""
        given = {
            name: getattr(self, name) for name in _FIELDS if getattr(self, name) != getattr(_DEFAULT, name)
        }
        if "source_labels" in given:
            given["source_labels"] = list(self.source_labels)
        return given | {"action": self.action.value}


_DEFAULT = RelabelRule()
_FIELDS = ("source_labels", "separator", "target_label", "regex", "modulus", "replacement")


class Relabeller:
    """Rules in their order, compiled. Safe from any thread."""

    def __init__(self, rules: Iterable[RelabelRule]) -> None:
        self.rules = tuple(rules)
        self._steps = [_compile(rule) for rule in self.rules]

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, labels: Mapping[str, str]) -> Labels | None:
        """Return the label set that the rules make of `labels`; None when they drop it."""
        changed = dict(labels)
        return changed if all(step(changed) for step in self._steps) else None

    def trace(self, labels: Mapping[str, str]) -> list[tuple[RelabelRule, Labels, bool]]:
        """Return every rule up to the one that drops, with the label set after it and whether it was kept."""
        changed = dict(labels)
        steps: list[tuple[RelabelRule, Labels, bool]] = []
        for rule, step in zip(self.rules, self._steps, strict=True):
            kept = step(changed)
            steps.append((rule, dict(changed), kept))
            if not kept:
                break
        return steps


def relabel_rules(field: str, value: object) -> tuple[RelabelRule, ...]:
    """Return the rules of a JSON list; raises InvalidInput that names the field and the rule's place."""
    if not isinstance(value, list):
        raise _wrong(f"{field!r} is {_shown(value)}; send a list of relabelling rules")
    return tuple(relabel_rule(f"{field}[{place}]", item) for place, item in enumerate(value))


def relabel_rule(where: str, value: object) -> RelabelRule:
    """
    Return the rule of a JSON object.

    Raises
    ------
    InvalidInput
        If a field is unknown, of the wrong type, missing for the action, or without meaning for it.
    """
    if not isinstance(value, dict):
        raise _wrong(
            f"{where} is {_shown(value)}; send an object such as {{'action': 'drop', 'regex': '...'}}"
        )
    unknown = sorted(set(value) - {*_FIELDS, "action"})
    if unknown:
        raise _wrong(
            f"{where} has the unknown field {unknown[0][:_SHOWN]!r}; a rule has {', '.join(_FIELDS)}, action"
        )
    action = _action(where, value.get("action", Action.REPLACE.value))
    rule = RelabelRule(
        source_labels=_names(where, value.get("source_labels", [])),
        separator=_text(where, "separator", value.get("separator", _DEFAULT.separator)),
        target_label=_text(where, "target_label", value.get("target_label", "")),
        regex=_text(where, "regex", value.get("regex", _DEFAULT.regex)),
        modulus=_modulus(where, value.get("modulus", 0)),
        replacement=_text(where, "replacement", value.get("replacement", _DEFAULT.replacement)),
        action=action,
    )
    _check(where, rule)
    return rule


def _check(where: str, rule: RelabelRule) -> None:
    """Refuse what the action lacks and what it would pass over."""
    action = rule.action
    if len(rule.regex) > _MAX_PATTERN:
        raise _wrong(f"{where}: the regex has {len(rule.regex)} characters, {_MAX_PATTERN} are allowed")
    try:
        compile_anchored(rule.regex)
    except InvalidInput as error:
        raise _wrong(f"{where}: {error.message}") from error
    if action in _WITH_TARGET and not rule.target_label:
        raise _wrong(f"{where}: the action {action} needs a 'target_label'")
    if action is Action.HASH_MOD and rule.modulus == 0:
        raise _wrong(f"{where}: the action hashmod needs a 'modulus' above 0")
    if action is Action.LABEL_MAP and not rule.replacement:
        raise _wrong(f"{where}: the action labelmap needs a 'replacement'")
    useless: tuple[str, ...] = ()
    if action in _EQUAL:
        useless = ("regex", "modulus", "separator", "replacement")
    elif action in _BY_NAME:
        useless = ("source_labels", "target_label", "modulus", "separator", "replacement")
    elif action in _CASES:
        useless = ("replacement",)
    for name in useless:
        if getattr(rule, name) != getattr(_DEFAULT, name):
            raise _wrong(f"{where}: the action {action} takes no {name!r}; leave it out")


def _compile(rule: RelabelRule) -> Step:
    compilers: dict[Action, Callable[[RelabelRule], Step]] = {
        Action.REPLACE: _replace,
        Action.KEEP: _keep,
        Action.DROP: _drop,
        Action.KEEP_EQUAL: _keep_equal,
        Action.DROP_EQUAL: _drop_equal,
        Action.HASH_MOD: _hash_mod,
        Action.LABEL_MAP: _label_map,
        Action.LABEL_DROP: _label_drop,
        Action.LABEL_KEEP: _label_keep,
        Action.LOWERCASE: lambda rule: _cased(rule, _lower),
        Action.UPPERCASE: lambda rule: _cased(rule, _upper),
    }
    return compilers[rule.action](rule)


def _joined(rule: RelabelRule) -> Callable[[Labels], str]:
    """Return the function that reads what a rule looks at: its source labels' values with the separator between them."""
    names, separator = rule.source_labels, rule.separator
    if len(names) == 1:
        name = names[0]
        return lambda labels: labels.get(name, "")
    return lambda labels: separator.join([labels.get(name, "") for name in names])


def _set(labels: Labels, name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(rule: RelabelRule) -> Step:
    pattern, read = compile_anchored(rule.regex), _joined(rule)
    target, replacement = Template(rule.target_label, pattern), Template(rule.replacement, pattern)

    def step(labels: Labels) -> bool:
        match = pattern.fullmatch(read(labels))
        if match is not None:
            name = target.expand(match)
            if name:
                _set(labels, name, replacement.expand(match))
        return True

    return step


def _keep(rule: RelabelRule) -> Step:
    fullmatch, read = compile_anchored(rule.regex).fullmatch, _joined(rule)
    return lambda labels: fullmatch(read(labels)) is not None


def _drop(rule: RelabelRule) -> Step:
    fullmatch, read = compile_anchored(rule.regex).fullmatch, _joined(rule)
    return lambda labels: fullmatch(read(labels)) is None


def _keep_equal(rule: RelabelRule) -> Step:
    read, target = _joined(rule), rule.target_label
    return lambda labels: labels.get(target, "") == read(labels)


def _drop_equal(rule: RelabelRule) -> Step:
    read, target = _joined(rule), rule.target_label
    return lambda labels: labels.get(target, "") != read(labels)


def _hash_mod(rule: RelabelRule) -> Step:
    read, target, modulus = _joined(rule), rule.target_label, rule.modulus

    def step(labels: Labels) -> bool:
        # The lower half of the MD5 digest as a big-endian number: shards must be those that Prometheus makes.
        digest = hashlib.md5(read(labels).encode(), usedforsecurity=False).digest()
        labels[target] = str(int.from_bytes(digest[8:], "big") % modulus)
        return True

    return step


def _label_map(rule: RelabelRule) -> Step:
    pattern = compile_anchored(rule.regex)
    template = Template(rule.replacement, pattern)

    def step(labels: Labels) -> bool:
        for name, value in [*labels.items()]:
            match = pattern.fullmatch(name)
            if match is not None:
                renamed = template.expand(match)
                if renamed:
                    labels[renamed] = value
        return True

    return step


def _label_drop(rule: RelabelRule) -> Step:
    fullmatch = compile_anchored(rule.regex).fullmatch

    def step(labels: Labels) -> bool:
        for name in [name for name in labels if fullmatch(name) is not None]:
            del labels[name]
        return True

    return step


def _label_keep(rule: RelabelRule) -> Step:
    fullmatch = compile_anchored(rule.regex).fullmatch

    def step(labels: Labels) -> bool:
        for name in [name for name in labels if fullmatch(name) is None]:
            del labels[name]
        return True

    return step


def _cased(rule: RelabelRule, convert: Callable[[str], str]) -> Step:
    read, target = _joined(rule), rule.target_label

    def step(labels: Labels) -> bool:
        _set(labels, target, convert(read(labels)))
        return True

    return step


def _lower(text: str) -> str:
    """Return lower case, character by character: whole-text rules (Greek sigma) would differ from Prometheus."""
    # The one character whose lower case has two: its simple mapping is a plain i (Unicode data file, U+0130).
    return text.lower() if text.isascii() else "".join("i" if c == "İ" else c.lower() for c in text)


def _upper(text: str) -> str:
    """Return upper case, character by character; one that would become two (ß) takes its simple mapping or stays."""
    return text.upper() if text.isascii() else "".join(map(_upper_character, text))


def _upper_character(character: str) -> str:
    return next((c for c in (character.upper(), character.title()) if len(c) == 1), character)


def _action(where: str, value: object) -> Action:
    try:
        return Action(str(value).lower())
    except ValueError:
        raise _wrong(f"{where}: the action is {_shown(value)}; choose one of {', '.join(Action)}") from None


def _names(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise _wrong(f"{where}: 'source_labels' is {_shown(value)}; send a list of label names")
    return tuple(_text(where, "source_labels", name) for name in value)


def _text(where: str, field: str, value: object) -> str:
    if not isinstance(value, str) or not _is_utf8(value):
        raise _wrong(f"{where}: {field!r} is {_shown(value)}; send a text")
    return value


def _modulus(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_MODULUS:
        raise _wrong(f"{where}: 'modulus' is {_shown(value)}; send a whole number above 0")
    return value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, id="bad-relabel-rule")
