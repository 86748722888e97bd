"""Refusal of series that break a project's limits; one text for every store."""

from __future__ import annotations

from bongsu.model.labels import SEPARATOR, format_labels, key_labels
from bongsu.storage.contract import Reason, Rejection, StoreLimits

_DEFAULTS = StoreLimits()
_SHOWN_CHARACTERS = 300
"""Labels named in an error text are cut here: the reader needs to find the series, not to see all of it."""


def shorten(text: str) -> str:
    """Return the text, cut to what an error message shows."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def refuse_labels(row: int, key: bytes, known_series: int, limits: StoreLimits) -> Rejection | None:
    """Return why a new series may not be made, or None; limits of 0 are off."""
    parts = key.split(SEPARATOR)[:-1]
    checks = (
        ("max_series", known_series + 1, limits.max_series, Reason.SERIES_LIMIT, "series in the project"),
        (
            "max_labels_per_series",
            len(parts) // 2,
            limits.max_labels_per_series,
            Reason.LABEL_LIMIT,
            "labels",
        ),
        (
            "max_label_name_bytes",
            max(map(len, parts[::2]), default=0),
            limits.max_label_name_bytes,
            Reason.LABEL_LIMIT,
            "bytes in a label name",
        ),
        (
            "max_label_value_bytes",
            max(map(len, parts[1::2]), default=0),
            limits.max_label_value_bytes,
            Reason.LABEL_LIMIT,
            "bytes in a label value",
        ),
    )
    for setting, received, limit, reason, what in checks:
        if limit and received > limit:
            return Rejection(
                row,
                reason,
                f"series {shorten(format_labels(key_labels(key)))} needs {received} {what}, {limit} are allowed; "
                f"send fewer or raise the project's limit {setting!r} (setting limits.{setting}, default "
                f"{getattr(_DEFAULTS, setting)})",
                limit=setting,
            )
    return None
