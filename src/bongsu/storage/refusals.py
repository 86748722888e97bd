"""Refusal of rows; one text for every store."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.labels import format_labels
from bongsu.storage.contract import Reason, Rejection
from bongsu.storage.limits import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.storage.raw import Sample


class HistogramFault(NamedTuple):
    """A histogram that cannot be stored, and why."""

    timestamp: int
    fault: str


def value_bytes(value: float | bytes) -> bytes:
    """Return the bits of a sample's value; histograms are bytes already, and no float has their length."""
    return value if isinstance(value, bytes) else struct.pack("<d", value)


def refuse_reference(row: int, ref: int) -> Rejection:
    """Refuse a row of a series that is not, or no longer, in the store."""
    return Rejection(row, Reason.UNKNOWN_SERIES, f"series reference {ref} is not known; resolve it again")


def refuse_histogram(row: int, labels: Mapping[str, str], fault: HistogramFault) -> Rejection:
    """Refuse a broken histogram."""
    return Rejection(
        row,
        Reason.INVALID_HISTOGRAM,
        f"invalid histogram for timestamp {fault.timestamp} of {shorten(format_labels(labels))}: {fault.fault}; "
        "correct it at its source",
    )


def refuse_duplicate(row: int, labels: Mapping[str, str], known: Sample, received: Sample) -> Rejection:
    """Refuse a second value for a timestamp."""
    return Rejection(
        row,
        Reason.DUPLICATE_TIMESTAMP,
        f"duplicate sample for timestamp {received.timestamp} of {shorten(format_labels(labels))}: "
        f"{_shown(known.value)} is stored, {_shown(received.value)} was received; "
        "a stored sample changes only by an overwriting import",
    )


def refuse_old(row: int, timestamp: int, oldest_ms: int, retention_ms: int) -> Rejection:
    """Refuse a sample that retention would remove at once."""
    return Rejection(
        row,
        Reason.OUT_OF_RETENTION,
        f"timestamp {timestamp} is before {oldest_ms}, the oldest that the project's retention of "
        f"{retention_ms} ms allows; send newer samples or raise the project's retention",
    )


def _shown(value: float | bytes) -> str:
    return "a histogram" if isinstance(value, bytes) else str(value)
