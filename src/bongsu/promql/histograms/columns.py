"""
Native histograms as columns: the second payload of the matrix.

A cell is a code: which part holds its histogram, and which row of the part. Histograms of one layout are the rows of one dense
array, so that kernels work on them without an object per sample; odd ones are kept as objects in a part of their own. Taking,
repeating and stacking cells moves codes only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, ResetHint
from bongsu.promql.histograms.sparse import Sparse, thaw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram

_PART_SHIFT = 32
"""A code is ``part << 32 | row``: more rows than that don't fit in memory."""

_ROW_MASK = (1 << _PART_SHIFT) - 1
_NONE = -1

NEGATIVE, POSITIVE = 1, 2
"""Sides of zero, as bits."""

COUNT, SUM, ZERO, BUCKETS = range(4)
"""Columns of a dense row: count, sum, zero bucket, then the negative buckets and the positive ones by rising index."""


class Layout(NamedTuple):
    """
    What the histograms of a dense part have in common.

    Attributes
    ----------
    negative, positive
        First index and number of the buckets of either side.
    """

    schema: int
    zero_threshold: float
    custom_values: tuple[float, ...]
    negative: tuple[int, int]
    positive: tuple[int, int]

    @property
    def is_custom(self) -> bool:
        """Whether the bounds are given one by one."""
        return self.schema == CUSTOM_BUCKETS_SCHEMA

    @property
    def width(self) -> int:
        """Columns of a row."""
        return BUCKETS + self.negative[1] + self.positive[1]

    def base(self) -> Sparse:
        """Return an empty histogram of this layout."""
        return Sparse(self.schema, self.zero_threshold, 0.0, 0.0, 0.0, custom_values=self.custom_values)

    def is_like(self, other: Layout) -> bool:
        """Tell whether buckets of equal index are the same bucket in both."""
        return self[:3] == other[:3]


@dataclass(frozen=True, slots=True)
class Dense:
    """
    Histograms of one layout.

    Attributes
    ----------
    rows : ndarray of float64, shape (n, layout.width)
    hints : ndarray of uint8, shape (n,)
        `ResetHint` of each.
    given : ndarray of uint8, shape (n,), optional
        Sides, `NEGATIVE` and `POSITIVE`, of which a stored sample lists buckets, if only empty ones: that tells on which sides
        of zero it has observations. None where the buckets that hold any tell it.
    """

    layout: Layout
    rows: NDArray[np.float64]
    hints: NDArray[np.uint8]
    given: NDArray[np.uint8] | None = None

    def take(self, rows: NDArray[np.integer]) -> Dense:
        """Return some of the histograms."""
        given = None if self.given is None else self.given[rows]
        return Dense(self.layout, self.rows[rows], self.hints[rows], given)

    def sides(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return `given` of some of the histograms."""
        return np.zeros(len(rows), dtype=np.uint8) if self.given is None else self.given[rows]

    def scaled(self, factors: NDArray[np.float64], *, divide: bool) -> Dense:
        """Return each histogram times, or divided by, its factor; by zero, buckets vanish as their counts have no meaning."""
        with np.errstate(all="ignore"):
            rows = self.rows / factors[:, np.newaxis] if divide else self.rows * factors[:, np.newaxis]
        # A column that is empty is no bucket of this histogram: infinite factors don't make it one.
        gone = self.rows[:, BUCKETS:] == 0
        if divide:
            gone |= factors[:, np.newaxis] == 0
        rows[:, BUCKETS:][gone] = 0.0
        hints = np.where(factors < 0, ResetHint.GAUGE, self.hints).astype(np.uint8)
        return Dense(self.layout, rows, hints)

    def sparse(self, row: int) -> Sparse:
        """Return one histogram, taken apart; it is the caller's own."""
        layout, counts = self.layout, self.rows[row].tolist()
        result = layout.base()
        result.count, result.sum, result.zero_count = counts[COUNT], counts[SUM], counts[ZERO]
        middle = BUCKETS + layout.negative[1]
        result.negative = _by_index(counts[BUCKETS:middle], layout.negative[0])
        result.positive = _by_index(counts[middle:], layout.positive[0])
        result.reset_hint = ResetHint(int(self.hints[row]))
        given = 0 if self.given is None else int(self.given[row])
        if given & NEGATIVE and not result.negative:
            result.negative = {layout.negative[0]: 0.0}
        if given & POSITIVE and not result.positive:
            result.positive = {layout.positive[0]: 0.0}
        return result

    def histogram(self, row: int) -> Histogram:
        """Return one histogram as a value."""
        return self.sparse(row).frozen()


@dataclass(frozen=True, slots=True)
class Objects:
    """Histograms whose layouts have nothing in common."""

    items: Sequence[Histogram]

    def sparse(self, row: int) -> Sparse:
        """Return one histogram, taken apart; it is the caller's own."""
        return thaw(self.items[row])

    def histogram(self, row: int) -> Histogram:
        """Return one histogram as a value."""
        return self.items[row]


Part: TypeAlias = Dense | Objects


@dataclass(frozen=True, slots=True)
class HistogramArray:
    """
    Cells of which each holds a histogram or none.

    Attributes
    ----------
    codes : ndarray of int64, any shape
        Negative where there is none. Nobody writes into it.
    """

    codes: NDArray[np.int64]
    parts: tuple[Part, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells."""
        return self.codes.shape

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: Any) -> HistogramArray:
        # `Any`: whatever numpy takes as an index of more than one cell.
        return replace(self, codes=self.codes[index])

    def present(self) -> NDArray[np.bool_]:
        """Tell for each cell whether it holds a histogram."""
        return self.codes >= 0

    def where(self, kept: NDArray[np.bool_]) -> HistogramArray:
        """Return the array with only the kept cells."""
        return replace(self, codes=np.where(kept, self.codes, _NONE))

    def repeated(self, shape: tuple[int, ...]) -> HistogramArray:
        """Return the array broadcast to a shape."""
        return replace(self, codes=np.broadcast_to(self.codes, shape))

    def sparse(self, *place: int) -> Sparse:
        """Return the histogram of a cell that holds one, taken apart; it is the caller's own."""
        code = int(self.codes[place])
        return self.parts[code >> _PART_SHIFT].sparse(code & _ROW_MASK)

    def histogram(self, *place: int) -> Histogram | None:
        """Return the histogram of a cell, None where there is none."""
        code = int(self.codes[place])
        return None if code < 0 else self.parts[code >> _PART_SHIFT].histogram(code & _ROW_MASK)

    def objects(self) -> list[Histogram | None]:
        """Return the histograms of all cells of a one-dimensional array."""
        return [self.histogram(i) for i in range(len(self.codes))]

    def part_numbers(self) -> NDArray[np.int64]:
        """Return for each cell the number of its part, negative where there is no histogram."""
        return self.codes >> _PART_SHIFT

    def row_numbers(self) -> NDArray[np.int64]:
        """Return for each cell that holds a histogram its row in the part."""
        return self.codes & _ROW_MASK

    def hints(self) -> NDArray[np.uint8]:
        """Return the `ResetHint` of each cell, `UNKNOWN` where there is no histogram."""
        result = np.zeros(self.codes.shape, dtype=np.uint8)
        for number, part in self.used_parts():
            cells = self.part_numbers() == number
            rows = self.row_numbers()[cells]
            if isinstance(part, Dense):
                result[cells] = part.hints[rows]
            else:
                result[cells] = [part.items[row].reset_hint for row in rows.tolist()]
        return result

    def without_reset_hints(self) -> HistogramArray:
        """Return the array with nothing known about resets; gauges stay gauges."""
        return replace(self, parts=tuple(map(_without_reset_hints, self.parts)))

    def negated(self) -> HistogramArray:
        """Return the histograms with their signs changed, as gauges."""
        return replace(self, parts=tuple(map(_negated, self.parts)))

    def used_parts(self) -> list[tuple[int, Part]]:
        """Return the parts that any cell refers to, with their numbers."""
        numbers = np.unique(self.part_numbers())
        return [(int(number), self.parts[number]) for number in numbers if number >= 0]


_KNOWN = (ResetHint.RESET, ResetHint.NO_RESET)


def _without_reset_hints(part: Part) -> Part:
    if isinstance(part, Dense):
        return replace(part, hints=np.where(np.isin(part.hints, _KNOWN), 0, part.hints).astype(np.uint8))
    items = part.items
    return Objects(
        [replace(item, reset_hint=ResetHint.UNKNOWN) if item.reset_hint in _KNOWN else item for item in items]
    )


def _negated(part: Part) -> Part:
    if isinstance(part, Dense):
        return Dense(part.layout, -part.rows, np.full_like(part.hints, ResetHint.GAUGE))
    return Objects([thaw(item).scale(-1.0).frozen() for item in part.items])


def no_histograms(shape: tuple[int, ...]) -> HistogramArray:
    """Return cells that hold none."""
    return HistogramArray(np.full(shape, _NONE, dtype=np.int64))


def array_of(objects: Sequence[Histogram | None]) -> HistogramArray:
    """Return a one-dimensional array of some histograms."""
    cells = HistogramCells((len(objects),))
    for i, histogram in enumerate(objects):
        if histogram is not None:
            cells.put((i,), histogram)
    return cells.array()


def concatenate(arrays: Sequence[HistogramArray]) -> HistogramArray:
    """Return arrays one after another along their first axis."""
    codes: list[NDArray[np.int64]] = []
    parts: list[Part] = []
    for array in arrays:
        shift = len(parts) << _PART_SHIFT
        codes.append(np.where(array.codes >= 0, array.codes + shift, _NONE))
        parts += array.parts
    return HistogramArray(np.concatenate(codes), tuple(parts))


class HistogramCells:
    """Cells that are being filled; `array` gives them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.codes = np.full(shape, _NONE, dtype=np.int64)
        self._items: list[Histogram] = []
        # The objects are the first part, which is there also when it stays empty.
        self._parts: list[Part] = [Objects(self._items)]

    def put(self, place: tuple[int, ...], histogram: Histogram) -> None:
        """Put one histogram into a cell."""
        self.codes[place] = len(self._items)
        self._items.append(histogram)

    def put_rows(self, place: Any, part: Dense, rows: NDArray[np.integer]) -> None:
        """Put rows of a part into the cells that an index of numpy's names."""
        self.codes[place] = (len(self._parts) << _PART_SHIFT) + rows
        self._parts.append(part)

    def put_cells(self, place: Any, cells: HistogramArray) -> None:
        """Put cells of another array into those that an index of numpy's names."""
        shift = len(self._parts) << _PART_SHIFT
        self.codes[place] = np.where(cells.codes >= 0, cells.codes + shift, _NONE)
        self._parts += cells.parts

    def array(self) -> HistogramArray:
        """Return what was put in."""
        return HistogramArray(self.codes, tuple(self._parts))


def _by_index(counts: list[float], first: int) -> dict[int, float]:
    return {first + i: count for i, count in enumerate(counts) if count != 0}
