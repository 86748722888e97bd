"""
Label sets as canonical bytes, the identity of a series.

A *series key* is ``name 0xFF value 0xFF name 0xFF value 0xFF ...`` in UTF-8, names sorted by their bytes, without
empty values (an empty value means that the label is missing). 0xFF never occurs in UTF-8, so a key is unambiguous,
splits with one call, and equal label sets have equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METRIC_NAME = "__name__"
TYPE_LABEL = "__type__"
UNIT_LABEL = "__unit__"
"""Labels that say what a metric is, under the feature ``type-and-unit-labels``."""

SEPARATOR = b"\xff"


def series_key(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """
    Return the series key of a label set; labels with an empty value are left out.

    Raises
    ------
    InvalidInput
        If a label name is empty or occurs twice, or a text cannot be encoded as UTF-8 (lone surrogates).
    """
    pairs = labels.items() if hasattr(labels, "items") else labels
    try:
        encoded = sorted((name.encode(), value.encode()) for name, value in pairs)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"label text is not valid Unicode: {error}", id="invalid-label") from error
    parts: list[bytes] = []
    previous = None
    for name, value in encoded:
        if not name:
            raise InvalidInput("a label name is empty; every label needs a name", id="invalid-label")
        if name == previous:
            raise InvalidInput(
                f"label {name.decode()!r} occurs twice in one series; give each label once",
                id="duplicate-label",
            )
        previous = name
        if value:
            parts += (name, value)
    return b"".join(part + SEPARATOR for part in parts)


def key_labels(key: bytes) -> dict[str, str]:
    """Return the labels of a series key, in the key's order."""
    parts = key.split(SEPARATOR)
    return {parts[i].decode(): parts[i + 1].decode() for i in range(0, len(parts) - 1, 2)}


def described(labels: tuple[tuple[str, str], ...], kind: str, unit: str) -> tuple[tuple[str, str], ...]:
    """Return labels with those of type and unit, as far as these are known; they take the place of what was sent as such."""
    known = {TYPE_LABEL: "" if kind == "unknown" else kind, UNIT_LABEL: unit}
    told = tuple((name, value) for name, value in known.items() if value)
    names = {name for name, _ in told}
    return (*((name, value) for name, value in labels if name not in names), *told) if told else labels


def format_labels(labels: Mapping[str, str]) -> str:
    """Return labels as PromQL writes them: ``name{a="b"}``; names outside the legacy set are quoted."""
    from bongsu.model.matchers import quote

    name = labels.get(METRIC_NAME, "")
    inner = [
        f"{key if is_legacy_label(key) else quote(key)}={quote(value)}"
        for key, value in sorted(labels.items())
        if key != METRIC_NAME
    ]
    if name and not is_legacy_metric(name):
        inner.insert(0, quote(name))
        name = ""
    return name + ("{" + ", ".join(inner) + "}" if inner or not name else "")


def is_legacy_label(name: str) -> bool:
    """Tell whether a label name needs no quotes: ``[a-zA-Z_][a-zA-Z0-9_]*``."""
    return name.isascii() and name.isidentifier()


def is_legacy_metric(name: str) -> bool:
    """Tell whether a metric name needs no quotes: as a label name, with colons."""
    return is_legacy_label(name.replace(":", "_"))
