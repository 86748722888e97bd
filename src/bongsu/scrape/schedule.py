"""
When a target is due: on a grid of its own inside the interval, the same after every restart.

The grid is ``k * interval + offset`` in Unix milliseconds, the offset a hash of the target's id, so that thousands of targets
spread evenly and nobody scrapes them in bursts.
"""

from __future__ import annotations

import hashlib

_TOLERANCE_MS = 2
"""A scrape that starts at most this late gets the time of the grid: equal steps compress to almost nothing (Prometheus' bound)."""

_TOLERANCE_SHARE = 100
"""... but never more than one hundredth of the interval."""


def offset_ms(target_id: str, interval_ms: int) -> int:
    """Return where in the interval a target is due."""
    digest = hashlib.blake2b(target_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_ms


def next_due(now_ms: int, interval_ms: int, offset: int) -> int:
    """Return the first time on the grid that is not before `now_ms`."""
    return now_ms + (offset - now_ms) % interval_ms


def sample_time(due_ms: int, now_ms: int, interval_ms: int) -> int:
    """Return the timestamp of a scrape that was due at `due_ms` and starts now."""
    tolerance = min(_TOLERANCE_MS, interval_ms // _TOLERANCE_SHARE)
    return due_ms if abs(now_ms - due_ms) <= tolerance else now_ms
