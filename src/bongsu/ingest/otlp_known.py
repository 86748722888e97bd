"""
What a project's plain OTLP requests are, remembered by their bytes.

The first request with new bytes goes the long way (`bongsu.ingest.otlp_rows`), which says what series its points are; the next one
finds them by hash. Nothing here is the only place where something is known: whatever is forgotten goes the long way again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.ingest.series_table import SeriesTable
from bongsu.kernels.otlp_points import FIRST, HASH_1, HASH_2, LAST, POINTS
from bongsu.storage.contract import REFUSED
from bongsu.wire.otlp.values import MetricBatch, MetricGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.wire.otlp.limits import OtlpLimits
    from bongsu.wire.otlp.points import Points
    from bongsu.wire.otlp.values import Resource, Scope

_REMEMBERED_GROUPS = 20_000
"""Of each project, some 2 KB each; a full memory is only emptied."""


class KnownGroup(NamedTuple):
    """
    One scope of one resource.

    Attributes
    ----------
    info
        Key of the resource's ``target_info``, None where it has none.
    """

    resource: Resource
    scope: Scope
    info: bytes | None


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """
    A plain request of known series.

    Attributes
    ----------
    refs : ndarray of int64, shape (n_samples,)
    groups
        As `points.groups`.
    """

    points: Points
    refs: NDArray[np.int64]
    groups: Sequence[KnownGroup]

    def batch(self, limits: OtlpLimits) -> MetricBatch:
        """Return what the real-time numbers need: every group, but of its metrics those with wanted names only."""
        metrics = self.points.metrics(limits)
        groups: list[MetricGroup] = []
        for number, (group, points) in enumerate(
            zip(self.groups, self.points.groups[:, POINTS].tolist(), strict=True)
        ):
            wanted = tuple(metrics.get(number, ()))
            left_out = points - sum(len(metric.points) for metric in wanted)
            groups.append(MetricGroup(group.resource, group.scope, wanted, left_out))
        return MetricBatch(tuple(groups))

    @property
    def data_points(self) -> int:
        """How many data points it has; a histogram is one."""
        return int(self.points.groups[:, POINTS].sum())

    def spans(self) -> list[tuple[bytes, int, int]]:
        """Return key, first and last time of every ``target_info`` that is to be written."""
        times = self.points.groups[:, [FIRST, LAST, POINTS]].tolist()
        return [
            (group.info, first, last)
            for group, (first, last, points) in zip(self.groups, times, strict=True)
            if points and group.info is not None
        ]


class KnownPoints:
    """The series and groups of one project's requests, by hash. Any thread may use it."""

    def __init__(self) -> None:
        self._table = SeriesTable()
        self._groups: dict[tuple[int, int], KnownGroup] = {}

    def find(self, points: Points) -> KnownRequest | None:
        """Return a request all of whose series and groups are known, None for any other."""
        groups = [self._groups.get(key) for key in _keys(points)]
        known = [group for group in groups if group is not None]
        if len(known) < len(groups):
            return None
        refs, _ = self._table.find(points.hashes)
        return None if (refs == REFUSED).any() else KnownRequest(points, refs, known)

    def learn(self, points: Points, refs: Sequence[int], groups: Sequence[KnownGroup]) -> None:
        """Keep what the long way found: a reference for each sample, `REFUSED` for those that have none, and the groups."""
        if len(refs) != len(points.hashes) or len(groups) != len(points.groups):
            return
        found = np.array(refs, dtype=np.int64)
        good = found != REFUSED
        self._table.put(points.hashes[good], found[good], np.zeros(int(good.sum()), dtype=np.uint64))
        if len(self._groups) + len(groups) > _REMEMBERED_GROUPS:
            self._groups = {}
        self._groups.update(zip(_keys(points), groups, strict=True))


def _keys(points: Points) -> list[tuple[int, int]]:
    return [(first, second) for first, second in points.groups[:, [HASH_1, HASH_2]].tolist()]
