"""
Writing of samples with timestamps as exposition text, series by series: the mirror of `bongsu.wire.archive.text`.

Text has no place for native histograms, start timestamps and stale markers: the caller leaves them out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import MetricMetadata
from bongsu.wire.exposition.format import format_value, note_lines, seconds_text, series_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum")
"""What OpenMetrics adds to a family's name, by type."""

_OF_ONE_NAME = frozenset({"counter", "gauge", "unknown", "info"})
"""Types whose samples all have the same name."""

END = b"# EOF\n"
"""The end mark of OpenMetrics."""


class TextLines:
    """
    Makes the lines of one text; series of one family must follow each other.

    Parameters
    ----------
    metadata
        What is known of each family's name.
    """

    def __init__(self, metadata: Mapping[str, Sequence[MetricMetadata]], *, openmetrics: bool) -> None:
        self._metadata = metadata
        self._openmetrics = openmetrics
        self._family: str | None = None

    def series(
        self, labels: Mapping[str, str], times: NDArray[np.int64], values: NDArray[np.float64]
    ) -> bytes:
        """Return the lines of some samples of a series, after those of its family when it is the first of it."""
        family = family_of(labels[METRIC_NAME], self._metadata)
        if not self._openmetrics and family.type in _OF_ONE_NAME:
            # In the Prometheus format the comments of such a family name its samples, suffix and all.
            family = replace(family, name=labels[METRIC_NAME])
        notes = "" if family.name == self._family else self._notes(family)
        self._family = family.name
        prefix = series_text(tuple(labels.items()))
        written = seconds_text if self._openmetrics else str
        lines = [
            f"{prefix} {format_value(value)} {written(time)}\n"
            for time, value in zip(times.tolist(), values.tolist(), strict=True)
        ]
        return (notes + "".join(lines)).encode()

    def _notes(self, family: MetricMetadata) -> str:
        family = _openmetrics_family(family) if self._openmetrics else family
        return "".join(f"{line}\n" for line in note_lines(family, openmetrics=self._openmetrics))


def family_of(name: str, metadata: Mapping[str, Sequence[MetricMetadata]]) -> MetricMetadata:
    """Return the newest that is known of the family of a metric name; of unknown type when nothing is."""
    for candidate in (name, *(name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix))):
        known = metadata.get(candidate)
        if known:
            return known[0]
    return MetricMetadata(name, "unknown")


def _openmetrics_family(family: MetricMetadata) -> MetricMetadata:
    """Return a family as OpenMetrics names it: without its counter's suffix, and without a unit that its name does not end with."""
    name = family.name.removesuffix("_total") if family.type == "counter" else family.name
    unit = family.unit if name.endswith("_" + family.unit) else ""
    return MetricMetadata(name, family.type, family.help, unit)
