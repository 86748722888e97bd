"""
From OpenTelemetry's names to Prometheus', in the four ways of Prometheus' ``translation_strategy``.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", and the documentation of Prometheus' OTLP
receiver. ``http.server.request.duration`` in ``s`` becomes ``http_server_request_duration_seconds`` unless chosen otherwise.
"""

from __future__ import annotations

import base64
import functools
import math
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson

from bongsu.wire.otlp.values import MetricKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Mapping[str, str] = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER_UNITS: Mapping[str, str] = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9:]+")
_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_NOT_IN_UNIT = re.compile(r"[^a-zA-Z0-9]+")

_UNDERSCORES = re.compile(r"__+")

_CACHED = 4_096
"""Names of one process' senders; thousands of metric and attribute names are already many."""


class NameStyle(NamedTuple):
    """
    How names are translated.

    Attributes
    ----------
    escaped
        What is no letter, digit or underscore becomes an underscore; else names stay as they are.
    suffixes
        Metric names get the words of their unit and kind.
    key_prefix
        A label that begins with one underscore gets ``key`` in front; only where names are escaped.
    keep_runs
        Several underscores in a row stay in labels; only where names are escaped.
    """

    escaped: bool = True
    suffixes: bool = True
    key_prefix: bool = True
    keep_runs: bool = True


STANDARD = NameStyle()


@functools.lru_cache(maxsize=_CACHED)
def metric_name(
    name: str, unit: str, kind: MetricKind, *, monotonic: bool, style: NameStyle = STANDARD
) -> str:
    """Return the family name of a metric; empty when nothing of it can be kept."""
    if not style.escaped:
        return _suffixed(name, unit, kind, monotonic=monotonic) if style.suffixes else name
    tokens = [token for token in _NOT_IN_NAME.split(name) if token]
    if not tokens:
        return ""
    if style.suffixes:
        tokens = _with_suffixes(tokens, unit, kind, monotonic=monotonic)
    joined = "_".join(tokens)
    return f"_{joined}" if joined[0].isdigit() else joined


def _with_suffixes(tokens: list[str], unit: str, kind: MetricKind, *, monotonic: bool) -> list[str]:
    """Return the words of a name with those of its unit and kind that it does not have yet."""
    for suffix in _unit_words(unit):
        if suffix not in tokens:
            tokens.append(suffix)
    if kind is MetricKind.SUM and monotonic:
        tokens = [word for word in tokens if word != "total"]
        tokens.append("total")
    elif kind is MetricKind.GAUGE and unit.strip() == "1" and "ratio" not in tokens:
        tokens.append("ratio")
    return tokens


def _suffixed(name: str, unit: str, kind: MetricKind, *, monotonic: bool) -> str:
    """Return a name as it is with its suffixes at the end, each once: unit, unit of time, kind."""
    suffixes = _unit_words(unit)
    if kind is MetricKind.SUM and monotonic:
        suffixes.append("total")
    elif kind is MetricKind.GAUGE and unit.strip() == "1":
        suffixes.append("ratio")
    for suffix in reversed(suffixes):
        name = name.removesuffix(suffix).rstrip("_.") if name.endswith(suffix) and name != suffix else name
    return "_".join([name, *suffixes])


def unit_word(unit: str) -> str:
    """Return a unit as it is written in a name and in metadata; empty for none."""
    return "_".join(_unit_words(unit))


def _unit_words(unit: str) -> list[str]:
    """Return the words that a unit adds to a name: ``By/s`` gives bytes, per_second."""
    main, _, per = unit.partition("/")
    words: list[str] = []
    main = main.strip()
    if main and not _is_annotation(main):
        word = _UNITS.get(main)
        words.append(_cleaned(main) if word is None else word)
    per = per.strip()
    if per and not _is_annotation(per):
        word = _PER_UNITS.get(per)
        words.append("per_" + (_cleaned(per) if word is None else word))
    return [word for word in words if word not in {"", "per_"}]


def _is_annotation(unit: str) -> bool:
    return "{" in unit or "}" in unit


def _cleaned(unit: str) -> str:
    return _NOT_IN_UNIT.sub("_", unit).strip("_")


@functools.lru_cache(maxsize=_CACHED)
def label_name(key: str, style: NameStyle = STANDARD) -> str:
    """Return the label of an attribute; empty for an empty key."""
    if not style.escaped:
        return key
    name = _NOT_IN_LABEL.sub("_", key)
    if not style.keep_runs:
        name = _UNDERSCORES.sub("_", name)
    if not name:
        return ""
    if name[0].isdigit():
        return f"key_{name}"
    if style.key_prefix and name[0] == "_" and not name.startswith("__"):
        return f"key{name}"
    return name


def label_value(value: object) -> str:
    """Return an attribute's value as text: scalars as JSON writes them, arrays and maps as JSON, bytes as base64."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")
    return orjson.dumps(value, default=_json_default).decode()


def _json_default(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError


def labels_of(attributes: Mapping[str, object], style: NameStyle = STANDARD) -> dict[str, str]:
    """
    Return attributes as labels.

    Attributes that become the same label are joined with ``;`` in the order of their original keys; empty values are no labels.
    """
    labels: dict[str, str] = {}
    for key in sorted(attributes):
        name, value = label_name(key, style), label_value(attributes[key])
        if name and value:
            labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def bound_text(bound: float) -> str:
    """Return a bucket bound or quantile as a label value: shortest digits that read back, without an exponent."""
    if math.isinf(bound):
        return "+Inf" if bound > 0 else "-Inf"
    return np.format_float_positional(bound, trim="-")
