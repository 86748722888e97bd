"""Response times by bucket."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)
"""Upper bounds in seconds: those that OpenTelemetry advises for HTTP servers, and two for what is much too slow."""

_BOUNDS_NS = tuple(round(bound * 1_000_000_000) for bound in BOUNDS_S)

BUCKETS = len(BOUNDS_S) + 1
"""The last bucket has no upper bound."""


def bucket_of(elapsed_ns: int) -> int:
    """Return the bucket of a response time; bounds are inclusive, as Prometheus' ``le`` is."""
    return bisect_left(_BOUNDS_NS, elapsed_ns)
