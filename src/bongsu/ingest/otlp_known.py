"""
What the plain metrics of a project's OTLP requests are, remembered by their bytes.

The first request with new bytes goes the long way (`bongsu.ingest.otlp_rows`), which says what series its points are; the next one
finds them by hash. Nothing here is the only place where something is known: whatever is forgotten goes the long way again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.ingest.otlp_rows import stored_exemplar
from bongsu.ingest.series_table import SeriesTable
from bongsu.kernels.otlp_points import FIRST, GROUP, HASH_1, HASH_2, LAST, METRICS, PLACE, PLAIN, POINTS
from bongsu.storage.contract import REFUSED
from bongsu.wire.otlp.values import MetricBatch, MetricGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.samples import Exemplar
    from bongsu.wire.otlp.points import Details, Points
    from bongsu.wire.otlp.values import Resource, Scope

Span = tuple[int, int]
"""First and last time of points, Unix milliseconds."""

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
    A request all of whose plain metrics are known.

    Attributes
    ----------
    refs : ndarray of int64, shape (n_samples,)
    groups
        As `points.groups`.
    details
        What of it is not plain.
    """

    points: Points
    refs: NDArray[np.int64]
    groups: Sequence[KnownGroup]
    details: Details

    def batch(self) -> MetricBatch:
        """Return what the real-time numbers need: every group, but of its plain metrics those with wanted names only."""
        groups: list[MetricGroup] = []
        for number, (group, points) in enumerate(
            zip(self.groups, self.points.groups[:, POINTS].tolist(), strict=True)
        ):
            wanted = self.details.wanted.get(number, [])
            left_out = points - sum(len(metric.points) for metric in wanted)
            metrics = (*wanted, *self.details.others.get(number, []))
            groups.append(MetricGroup(group.resource, group.scope, metrics, left_out))
        return MetricBatch(tuple(groups), self.details.refused)

    def others(self) -> list[tuple[MetricGroup, Span | None]]:
        """Return the groups that have metrics which are not plain, these alone; with first and last time of the others, if there are any."""
        spans = self._spans()
        return [
            (
                MetricGroup(self.groups[number].resource, self.groups[number].scope, tuple(metrics)),
                spans[number],
            )
            for number, metrics in self.details.others.items()
        ]

    @property
    def data_points(self) -> int:
        """How many plain data points it has; a histogram is one."""
        return int(self.points.groups[:, POINTS].sum())

    def exemplars(self) -> tuple[list[int], list[Exemplar]]:
        """Return the exemplars of plain metrics, with the series that each belongs to."""
        found = self.details.exemplars
        return [int(self.refs[sample]) for sample, _ in found], [stored_exemplar(each) for _, each in found]

    def infos(self) -> list[tuple[bytes, Span]]:
        """Return key, first and last time of every ``target_info`` that is to be written, but of groups that `others` has."""
        spans = zip(self.groups, self._spans(), strict=True)
        return [
            (group.info, span)
            for number, (group, span) in enumerate(spans)
            if group.info is not None and span is not None and number not in self.details.others
        ]

    def _spans(self) -> list[Span | None]:
        rows = self.points.groups[:, [FIRST, LAST, POINTS]].tolist()
        return [(first, last) if points else None for first, last, points in rows]


class KnownPoints:
    """The series and groups of one project's requests, by hash. Any thread may use it."""

    def __init__(self) -> None:
        self._table = SeriesTable()
        self._groups: dict[tuple[int, int], KnownGroup] = {}

    def find(self, points: Points) -> KnownRequest | None:
        """Return a request all of whose plain metrics and groups are known, None for any other."""
        groups = [self._groups.get(key) for key in _keys(points)]
        known = [group for group in groups if group is not None]
        if len(known) < len(groups):
            return None
        refs, _ = self._table.find(points.hashes)
        details = None if (refs == REFUSED).any() else points.details()
        return None if details is None else KnownRequest(points, refs, known, details)

    def learn(
        self,
        points: Points,
        refs: NDArray[np.int64],
        ends: Sequence[Sequence[int]],
        groups: Sequence[KnownGroup],
    ) -> None:
        """
        Keep what the long way found.

        Parameters
        ----------
        refs : ndarray of int64, shape (n_rows,)
            A reference for each sample of all metrics, `REFUSED` for those that have none.
        ends
            Of each metric of each group, where its samples end.
        """
        if points.groups[:, METRICS].tolist() != [len(group) for group in ends]:
            return
        plain = refs[_plain_rows(points, ends, len(refs))]
        if len(plain) != len(points.hashes):
            return
        good = plain != REFUSED
        self._table.put(points.hashes[good], plain[good], np.zeros(int(good.sum()), dtype=np.uint64))
        if len(self._groups) + len(groups) > _REMEMBERED_GROUPS:
            self._groups = {}
        self._groups.update(zip(_keys(points), groups, strict=True))


def _plain_rows(points: Points, ends: Sequence[Sequence[int]], rows: int) -> NDArray[np.bool_]:
    """Tell of each sample whether its metric is plain."""
    plain = np.ones(rows, dtype=np.bool_)
    starts = [0, *(end for group in ends for end in group)]
    first = np.cumsum([0, *map(len, ends)])
    for group, place, is_plain in points.apart[:, [GROUP, PLACE, PLAIN]].tolist():
        if not is_plain:
            metric = first[group] + place
            plain[starts[metric] : starts[metric + 1]] = False
    return plain


def _keys(points: Points) -> list[tuple[int, int]]:
    return [(first, second) for first, second in points.groups[:, [HASH_1, HASH_2]].tolist()]
