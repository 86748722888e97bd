"""
Delta temporality to cumulative: running totals per stream, in memory.

A restart of the server begins the totals anew, which reads as a counter reset and costs one interval. A repeated request is
recognised by its time and gives the same totals again, so that a retry is harmless.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bongsu.wire.otlp.values import HistogramPoint, NumberPoint


@dataclass(slots=True)
class _Number:
    time_ns: int
    start_ns: int
    value: float


@dataclass(slots=True)
class _Histogram:
    time_ns: int
    start_ns: int
    observations: int
    sum: float | None
    bounds: tuple[float, ...]
    counts: list[int]


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
        self._streams: dict[Hashable, tuple[int, _Number | _Histogram]] = {}
        self._swept_ms = 0

    def __len__(self) -> int:
        return len(self._streams)

    def add_number(self, stream: Hashable, point: NumberPoint, now_ms: int) -> NumberPoint | None:
        """Return the point with the stream's total, or None when it is older than the stream's newest."""
        with self._lock:
            total = self._find(stream, now_ms)
            if not isinstance(total, _Number):
                total = _Number(0, point.start_ns, 0.0)
            if point.time_ns < total.time_ns:
                return None
            if point.time_ns > total.time_ns:
                total = _Number(point.time_ns, total.start_ns, total.value + point.value)
            self._streams[stream] = (now_ms, total)
            return point._replace(start_ns=total.start_ns, value=total.value)

    def add_histogram(self, stream: Hashable, point: HistogramPoint, now_ms: int) -> HistogramPoint | None:
        """Return the point with the stream's totals, or None when it is older; other bounds begin anew."""
        with self._lock:
            total = self._find(stream, now_ms)
            if not isinstance(total, _Histogram) or total.bounds != point.bounds:
                total = _Histogram(0, point.start_ns, 0, 0.0, point.bounds, [0] * len(point.counts))
            if point.time_ns < total.time_ns:
                return None
            if point.time_ns > total.time_ns:
                total = _Histogram(
                    point.time_ns,
                    total.start_ns,
                    total.observations + point.observations,
                    None if total.sum is None or point.sum is None else total.sum + point.sum,
                    total.bounds,
                    [mine + theirs for mine, theirs in zip(total.counts, point.counts, strict=True)],
                )
            self._streams[stream] = (now_ms, total)
            return point._replace(
                start_ns=total.start_ns,
                observations=total.observations,
                sum=total.sum,
                counts=tuple(total.counts),
            )

    def _find(self, stream: Hashable, now_ms: int) -> _Number | _Histogram | None:
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
