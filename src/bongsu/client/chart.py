"""
Line charts for terminals, drawn with braille dots: two by four of them in each character.

Source of the dots' bits: Unicode, "Braille Patterns", U+2800 to U+28FF.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.client.results import Series

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
"""Bit of a dot by its row and column in the character."""

_BLANK = 0x2800
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_LABEL_WIDTH = 9


@dataclass(frozen=True, slots=True)
class Cell:
    """One character of a chart; `series` is the number of the series that it is coloured for, None for axes."""

    text: str
    series: int | None = None


def draw_chart(series: Sequence[Series], *, width: int, height: int) -> list[list[Cell]]:
    """
    Return the lines of a chart, from the top.

    Parameters
    ----------
    series
        Later ones are drawn over earlier ones; NaN and infinities leave gaps.
    width, height
        In characters, axes included; at least 30 by 5.

    Returns
    -------
    list of list of Cell
        No lines when no series has a finite value.
    """
    width, height = max(width, 30), max(height, 5)
    finite = [one.values[np.isfinite(one.values)] for one in series]
    if not any(len(values) for values in finite):
        return []
    columns, rows = width - _LABEL_WIDTH - 2, height - 2
    low, high = _value_range(np.concatenate(finite))
    first = min(int(one.times.min()) for one in series if len(one.times))
    last = max(int(one.times.max()) for one in series if len(one.times))
    dots = np.zeros((rows, columns), dtype=np.uint8)
    owner = np.zeros((rows, columns), dtype=np.int64)
    for number, one in enumerate(series):
        ys = (high - one.values) / (high - low) * (rows * 4 - 1)
        xs = (one.times - first) / max(last - first, 1) * (columns * 2 - 1)
        _draw_line(dots, owner, number, xs, ys)
    lines = [
        [
            Cell(f"{_axis_value(high - (high - low) * row / (rows - 1), high - low):>{_LABEL_WIDTH}} │"),
            *(
                Cell(chr(_BLANK + int(bits)), int(number))
                for bits, number in zip(dots[row], owner[row], strict=True)
            ),
        ]
        for row in range(rows)
    ]
    return [*lines, *_time_axis(first, last, columns)]


def _draw_line(
    dots: NDArray[np.uint8],
    owner: NDArray[np.int64],
    number: int,
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
) -> None:
    """Draw from point to point; a point beside gaps stands alone."""
    good = np.isfinite(ys)
    for i in np.flatnonzero(good).tolist():
        stop = i + 1 if i + 1 < len(ys) and good[i + 1] else i
        count = int(max(abs(xs[stop] - xs[i]), abs(ys[stop] - ys[i]))) + 2
        x = np.rint(np.linspace(xs[i], xs[stop], count)).astype(np.int64)
        y = np.rint(np.linspace(ys[i], ys[stop], count)).astype(np.int64)
        np.bitwise_or.at(dots, (y // 4, x // 2), _DOTS[y % 4, x % 2])
        owner[y // 4, x // 2] = number


def _value_range(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        margin = abs(low) / 2 or 1.0
        return low - margin, high + margin
    # An axis from 0 tells the truth about small changes, where 0 is not far away.
    return (0.0 if 0 < low < high / 2 else low), high


def _axis_value(value: float, span: float) -> str:
    """Return a value with as many digits as the rows of the axis need to differ."""
    if abs(value) < span * 1e-9:
        return "0"
    for size, suffix in _SUFFIXES:
        if abs(value) >= size:
            return f"{_rounded(value / size, span / size)}{suffix}"
    return _rounded(value, span)


def _rounded(value: float, span: float) -> str:
    digits = 2 - math.floor(math.log10(span)) if span > 0 else 2
    return f"{value:.3g}" if digits > 6 else f"{value:.{max(digits, 0)}f}"


def _time_axis(first: int, last: int, columns: int) -> list[list[Cell]]:
    """Return the two lines below the chart: the axis, and its two ends in UTC."""
    pattern = "%H:%M:%S" if last - first < 86_400_000 else "%m-%d %H:%M"
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (first, last))
    left, right = f"{begin:{pattern}}", f"{end:{pattern}} UTC"
    gap = max(columns - len(left) - len(right), 1)
    pad = " " * (_LABEL_WIDTH + 1)
    return [[Cell(f"{pad}└{'─' * columns}")], [Cell(f"{pad} {left}{' ' * gap}{right}")]]
