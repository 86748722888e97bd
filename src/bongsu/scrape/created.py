"""
Start times that OpenMetrics tells by ``_created`` samples beside those of a counter, histogram or summary.

Which sample tells of which is found once for a layout; a scrape then only looks at their values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import METRIC_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.wire.exposition.body import Exposition
    from bongsu.wire.exposition.lexical import Labels

_CREATED = "_created"
_PARTS = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum", ""),
}
"""Suffixes of the samples that have a start, by the type of their family (OpenMetrics 1.0, "Created")."""

_PART_LABELS = frozenset({METRIC_NAME, "le", "quantile"})
"""Labels that tell samples of one metric apart."""

_MAX_SECONDS = 1e11
"""The year 5138; a counter that says it began later says nothing."""


def created_rows(parsed: Exposition) -> NDArray[np.int64] | None:
    """
    Return the sample that tells each sample's start, -1 for none; None where a body has no such samples.

    The labels of all series of the body must be there, as they are when none was known; shape (n_samples,).
    """
    labels = [parsed.labels[series] for series in parsed.series]
    families = [_family(parsed, own) for own in labels]
    told = {
        _metric(family, labels[row]): row
        for row, (family, suffix) in enumerate(families)
        if suffix == _CREATED
    }
    if not told:
        return None
    rows = np.full(len(parsed), -1, dtype=np.int64)
    for row, (family, suffix) in enumerate(families):
        if suffix is not None and suffix != _CREATED:
            rows[row] = told.get(_metric(family, labels[row]), -1)
    return rows


def created_starts(rows: NDArray[np.int64] | None, values: NDArray[np.float64]) -> dict[int, int]:
    """Return start timestamps in Unix milliseconds by sample; `rows` are those of `created_rows`."""
    if rows is None:
        return {}
    begun = np.flatnonzero(rows >= 0)
    seconds = values[rows[begun]]
    good = (seconds > 0) & (seconds < _MAX_SECONDS)
    return dict(zip(begun[good].tolist(), np.rint(seconds[good] * 1000).astype(int).tolist(), strict=True))


def _family(parsed: Exposition, labels: Labels) -> tuple[str, str | None]:
    """Return the family of a sample and what its name adds to that; None for what has no start."""
    name = dict(labels).get(METRIC_NAME, "")
    for suffix in (_CREATED, "_total", "_bucket", "_count", "_sum", ""):
        notes = parsed.families.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
        if notes is not None and suffix in (*_PARTS.get(notes.type, ()), _CREATED):
            return name.removesuffix(suffix), suffix if notes.type in _PARTS else None
    return name, None


def _metric(family: str, labels: Labels) -> tuple[str, frozenset[tuple[str, str]]]:
    return family, frozenset(pair for pair in labels if pair[0] not in _PART_LABELS)
