"""
Delta temporality to cumulative: running totals per stream, in memory.

A restart of the server begins the totals anew, which reads as a counter reset and costs one interval. A repeated request is
recognised by its time and gives the same totals again, so that a retry is harmless.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from bongsu.ingest.otlp_histograms import added, optional_sum
from bongsu.wire.otlp.values import ExponentialPoint, HistogramPoint, NumberPoint

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bongsu.wire.otlp.values import Point

    _Summable: TypeAlias = NumberPoint | HistogramPoint | ExponentialPoint


class TooManyStreams(Exception):
    """A new delta stream would exceed the limit. Never leaves the package."""


class DeltaTotals:
    """
    Running totals of one project's delta streams. May be used from any thread.

    Parameters
    ----------
    max_streams
        Totals that are kept; points of further streams raise `TooManyStreams`.
    forget_ms
        A stream without points for this long begins anew.
    """

    def __init__(self, max_streams: int, forget_ms: int) -> None:
        self._max_streams = max_streams
        self._forget_ms = forget_ms
        self._lock = threading.Lock()
        self._streams: dict[Hashable, tuple[int, _Summable]] = {}
        self._swept_ms = 0

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, stream: Hashable, point: Point, now_ms: int) -> Point | None:
        """
        Return the point with the stream's totals since its first one, or None when it is older than the stream's newest.

        Histograms of another shape than before begin anew, which reads as a counter reset.
        """
        if not isinstance(point, NumberPoint | HistogramPoint | ExponentialPoint):
            return point  # summaries have no temporality
        with self._lock:
            total = self._find(stream, now_ms)
            if total is not None and point.time_ns < total.time_ns:
                return None
            if total is None:
                total = point
            elif point.time_ns > total.time_ns:
                total = _sum(total, point)
            self._streams[stream] = (now_ms, total._replace(attributes={}, exemplars=()))
            return total._replace(attributes=point.attributes, exemplars=point.exemplars)

    def _find(self, stream: Hashable, now_ms: int) -> _Summable | None:
        known = self._streams.get(stream)
        if known is not None:
            return known[1] if now_ms - known[0] <= self._forget_ms else None
        if len(self._streams) >= self._max_streams:
            self._sweep(now_ms)
            if len(self._streams) >= self._max_streams:
                raise TooManyStreams
        return None

    def _sweep(self, now_ms: int) -> None:
        # Once a minute at most: a full table must not be walked for every point.
        if now_ms - self._swept_ms < 60_000:
            return
        self._swept_ms = now_ms
        self._streams = {
            stream: entry for stream, entry in self._streams.items() if now_ms - entry[0] <= self._forget_ms
        }


def _sum(total: _Summable, point: _Summable) -> _Summable:
    """Return `point` with the totals of both, since the start of `total`; `point` itself where they have no sum."""
    if isinstance(total, NumberPoint) and isinstance(point, NumberPoint):
        return point._replace(start_ns=total.start_ns, value=total.value + point.value)
    if isinstance(total, HistogramPoint) and isinstance(point, HistogramPoint):
        if total.bounds != point.bounds:
            return point
        counts = tuple(mine + theirs for mine, theirs in zip(total.counts, point.counts, strict=True))
        return point._replace(
            start_ns=total.start_ns,
            observations=total.observations + point.observations,
            sum=optional_sum(total.sum, point.sum),
            counts=counts,
        )
    if isinstance(total, ExponentialPoint) and isinstance(point, ExponentialPoint):
        same_zero = total.zero_threshold == point.zero_threshold
        return (added(total, point) if same_zero else None) or point
    return point
