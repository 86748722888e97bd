"""A parsed exposition body, in columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.model.samples import MetricMetadata

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram
    from bongsu.wire.exposition.lexical import Labels


@dataclass(frozen=True, slots=True)
class ParsedExemplar:
    """An exemplar as it was exposed; `timestamp` is in Unix milliseconds, None when none was given."""

    labels: Labels
    value: float
    timestamp: int | None


_PARTS = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "summary": ("_count", "_sum", "_created"),
    "info": ("_info",),
}
"""What is added to a family's name in those of its series, by type."""


@dataclass(slots=True)
class FamilyNotes:
    """What the comment lines of one metric family said so far."""

    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(slots=True)
class Exposition:
    """
    The samples of one body; the lists have one entry per sample, in the body's order.

    Attributes
    ----------
    series
        The series as its line writes it, or other bytes that tell it from all others; the key of the caller's cache.
    values
    value_starts, line_ends
        Offsets into the body of the first byte of each value and of the end of its line; empty for formats without lines.
    timestamps
        Unix milliseconds, by sample, of those that carry their own time.
    exemplars
        With the sample that each belongs to.
    histograms
        Native histograms, by sample; its entry in `values` has no meaning then.
    starts
        Start timestamps in Unix milliseconds, by sample, where they are known.
    labels
        Labels of each distinct series that the caller did not know yet.
    families
        Type, help and unit by metric family.
    type
        The type that was declared last; it governs the series that follow.
    """

    series: list[bytes] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    value_starts: list[int] = field(default_factory=list)
    line_ends: list[int] = field(default_factory=list)
    timestamps: dict[int, int] = field(default_factory=dict)
    exemplars: list[tuple[int, ParsedExemplar]] = field(default_factory=list)
    histograms: dict[int, Histogram] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    labels: dict[bytes, Labels] = field(default_factory=dict)
    families: dict[str, FamilyNotes] = field(default_factory=dict)
    type: str = "unknown"

    def __len__(self) -> int:
        return len(self.series)

    def notes_of(self, metric: str) -> FamilyNotes | None:
        """Return what was said of the family that a metric belongs to."""
        notes = self.families.get(metric)
        if notes is not None:
            return notes
        family, _, part = metric.rpartition("_")
        notes = self.families.get(family)
        return notes if notes is not None and f"_{part}" in _PARTS.get(notes.type, ()) else None

    def metadata(self) -> list[MetricMetadata]:
        """Return what the body says of its metric families."""
        return [
            MetricMetadata(name, notes.type, notes.help, notes.unit) for name, notes in self.families.items()
        ]
