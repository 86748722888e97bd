"""
From OpenTelemetry's names to Prometheus': the translation ``UnderscoreEscapingWithSuffixes``.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", and the documentation of Prometheus' OTLP
receiver. ``http.server.request.duration`` in ``s`` becomes ``http_server_request_duration_seconds``.
"""

from __future__ import annotations

import base64
import functools
import math
import re
from typing import TYPE_CHECKING

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

_CACHED = 4_096
"""Names of one process' senders; thousands of metric and attribute names are already many."""


@functools.lru_cache(maxsize=_CACHED)
def metric_name(name: str, unit: str, kind: MetricKind, *, monotonic: bool) -> str:
    """Return the family name of a metric, with unit and type suffixes; empty when nothing of it can be kept."""
    tokens = [token for token in _NOT_IN_NAME.split(name) if token]
    if not tokens:
        return ""
    for suffix in _unit_words(unit):
        if suffix not in tokens:
            tokens.append(suffix)
    if kind is MetricKind.SUM and monotonic:
        tokens = [word for word in tokens if word != "total"]
        tokens.append("total")
    elif kind is MetricKind.GAUGE and unit.strip() == "1" and "ratio" not in tokens:
        tokens.append("ratio")
    joined = "_".join(tokens)
    return f"_{joined}" if joined[0].isdigit() else joined


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
def label_name(key: str) -> str:
    """Return the label of an attribute; empty for an empty key."""
    name = _NOT_IN_LABEL.sub("_", key)
    if not name:
        return ""
    if name[0].isdigit():
        return f"key_{name}"
    if name[0] == "_" and not name.startswith("__"):
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


def labels_of(attributes: Mapping[str, object]) -> dict[str, str]:
    """
    Return attributes as labels.

    Attributes that become the same label are joined with ``;`` in the order of their original keys; empty values are no labels.
    """
    labels: dict[str, str] = {}
    for key in sorted(attributes):
        name, value = label_name(key), label_value(attributes[key])
        if name and value:
            labels[name] = f"{labels[name]};{value}" if name in labels else value
    return labels


def bound_text(bound: float) -> str:
    """Return a bucket bound or quantile as a label value: shortest digits that read back, without an exponent."""
    if math.isinf(bound):
        return "+Inf" if bound > 0 else "-Inf"
    return np.format_float_positional(bound, trim="-")
