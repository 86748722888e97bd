"""Counter functions with start timestamps, one window at a time, from their definitions alone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.naive.windows import extrapolated

if TYPE_CHECKING:
    from collections.abc import Sequence

Started = tuple[int, float, int]
"""Time, value and start time (0: unknown)."""


def compute(name: str, samples: Sequence[Started], end: int, span: int) -> float | None:
    """Return rate, increase or resets: every start is a zero in the series, put where it belongs."""
    window = [s for s in samples if end - span < s[0] <= end]
    if not window:
        return None
    if name == "resets":
        return sum(_is_reset(before, after) for before, after in itertools.pairwise(window))
    # The counter laid out without resets: each one continues from the height reached before.
    first_time, first_value, first_start = window[0]
    points = [(first_time, first_value)]
    if end - span < first_start < first_time:
        points.insert(0, (first_start, 0.0))
    height = 0.0
    for before, after in itertools.pairwise(window):
        if _is_reset(before, after):
            height += before[1]
        points.append((after[0], after[1] + height))
    return extrapolated(name, points, end, span)


def _is_reset(before: Started, after: Started) -> bool:
    began_anew = after[2] not in (0, before[2]) and after[2] >= before[0]
    return after[1] < before[1] or began_anew
