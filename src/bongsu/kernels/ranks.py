"""Aggregations that look at the order of a group's values: quantile, topk, bottomk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import plain
from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._window_orders import quantile_of_sorted

if TYPE_CHECKING:
    from numpy.typing import NDArray


_TILE = 8
"""Steps gathered at once: a cache line of values, so that rows that lie far apart are read once and not once a step."""


@inner_kernel
def _gather_tile(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    rows: NDArray[np.int64],
    first: int,
    tile: NDArray[np.float64],
    tile_kinds: NDArray[np.uint8],
) -> int:
    """Write the cells of some rows at the steps from `first`, step by step; return how many steps there are."""
    width: int = min(_TILE, values.shape[1] - first)
    for i in range(len(rows)):
        for k in range(width):
            tile[k, i] = values[rows[i], first + k]
            tile_kinds[k, i] = kinds[rows[i], first + k]
    return width


@kernel
def _group_quantiles(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    phi: NDArray[np.float64],
    out: NDArray[np.float64],
    out_kinds: NDArray[np.uint8],
) -> None:
    numbers = np.empty(len(order), dtype=np.float64)
    tile = np.empty((_TILE, len(order)), dtype=np.float64)
    tile_kinds = np.empty((_TILE, len(order)), dtype=np.uint8)
    for group in range(len(bounds) - 1):
        rows = order[bounds[group] : bounds[group + 1]]
        for first in range(0, values.shape[1], _TILE):
            for k in range(_gather_tile(values, kinds, rows, first, tile, tile_kinds)):
                count = nans = 0
                for i in range(len(rows)):
                    if tile_kinds[k, i] == 1:
                        if math.isnan(tile[k, i]):
                            nans += 1
                        else:
                            numbers[count] = tile[k, i]
                            count += 1
                out_kinds[group, first + k] = count + nans > 0
                if count + nans > 0:
                    numbers[:count].sort()
                    out[group, first + k] = quantile_of_sorted(numbers[:count], nans, phi[first + k])


def group_quantiles(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    phi: NDArray[np.float64],
    out: NDArray[np.float64],
    out_kinds: NDArray[np.uint8],
) -> None:
    """
    Compute a quantile of every group at every step; NaN is the smallest value.

    Parameters
    ----------
    values, kinds : ndarray, shape (n_rows, n_steps)
        Cells whose kind is 1 count.
    order : ndarray of int64, shape (n_rows,)
        Rows, those of a group side by side.
    bounds : ndarray of int64, shape (n_groups + 1,)
        Group *g* owns ``order[bounds[g]:bounds[g + 1]]``.
    phi : ndarray of float64, shape (n_steps,)
        The quantile; out of [0, 1] the result is infinite.
    out, out_kinds : ndarray, shape (n_groups, n_steps)
        Filled.
    """
    _group_quantiles(plain(values), plain(kinds), order, bounds, plain(phi), out, out_kinds)


@inner_kernel
def _is_worse(value: float, other: float, largest: bool) -> bool:
    """Whether `value` leaves a list of the best before `other`; NaN leaves first."""
    if math.isnan(value):
        return True
    return value < other if largest else value > other


@inner_kernel
def _swap(places: NDArray[np.int64], numbers: NDArray[np.float64], one: int, other: int) -> None:
    places[one], places[other] = places[other], places[one]
    numbers[one], numbers[other] = numbers[other], numbers[one]


@inner_kernel
def _sift_up(places: NDArray[np.int64], numbers: NDArray[np.float64], last: int, largest: bool) -> None:
    child = last
    while child > 0:
        parent = (child - 1) // 2
        if not _is_worse(numbers[child], numbers[parent], largest):
            break
        _swap(places, numbers, child, parent)
        child = parent


@inner_kernel
def _sift_down(places: NDArray[np.int64], numbers: NDArray[np.float64], count: int, largest: bool) -> None:
    parent = 0
    while 2 * parent + 1 < count:
        child = 2 * parent + 1
        if child + 1 < count and _is_worse(numbers[child + 1], numbers[child], largest):
            child += 1
        if not _is_worse(numbers[child], numbers[parent], largest):
            break
        _swap(places, numbers, parent, child)
        parent = child


@inner_kernel
def _offer(
    number: float,
    place: int,
    count: int,
    limit: int,
    largest: bool,
    places: NDArray[np.int64],
    numbers: NDArray[np.float64],
) -> int:
    """Offer a number to a heap of the best; return how many it has then."""
    if count < limit:
        places[count], numbers[count] = place, number
        _sift_up(places, numbers, count, largest)
        return count + 1
    if count > 0 and not math.isnan(number) and _is_worse(numbers[0], number, largest):
        places[0], numbers[0] = place, number
        _sift_down(places, numbers, count, largest)
    return count


_HEAP_CELLS = 1 << 16
"""Numbers that the heaps of a stretch of steps hold, a megabyte with their places: where many are kept, fewer steps are taken at once."""


@kernel
def _group_best(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    limits: NDArray[np.int64],
    largest: bool,
    steps: tuple[int, int],
    keep: NDArray[np.uint8],
) -> None:
    most = min(limits[steps[0] : steps[1]].max(), np.diff(bounds).max())
    if most < 1:
        return
    width = max(_TILE, min(steps[1] - steps[0], _HEAP_CELLS // most))
    places, numbers = np.empty((width, most), dtype=np.int64), np.empty((width, most), dtype=np.float64)
    counts, worst = np.empty(width, dtype=np.int64), np.empty(width, dtype=np.float64)
    for group in range(len(bounds) - 1):
        for first in range(steps[0], steps[1], width):
            stop = min(first + width, steps[1])
            counts[:] = 0
            worst[:] = np.nan  # no number is sure to be no better
            for row in order[bounds[group] : bounds[group + 1]]:
                for step in range(first, stop):
                    number, k = values[row, step], step - first
                    no_better = number <= worst[k] if largest else number >= worst[k]
                    if no_better or kinds[row, step] != 1:
                        continue
                    limit = min(limits[step], most)
                    counts[k] = _offer(number, row, counts[k], limit, largest, places[k], numbers[k])
                    if counts[k] >= limit and limit > 0:
                        worst[k] = numbers[k, 0]
            for step in range(first, stop):
                for i in range(counts[step - first]):
                    keep[places[step - first, i], step] = 1


def group_best(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    limits: NDArray[np.int64],
    keep: NDArray[np.uint8],
    steps: tuple[int, int],
    *,
    largest: bool,
) -> None:
    """
    Mark the `limits` largest or smallest cells of every group at every step; numbers go before NaN.

    Which of equal cells stay is what a binary heap makes of them, as in Prometheus: the worst one kept is at its top, and only a
    better one takes its place.

    Parameters
    ----------
    values, kinds, order, bounds
        As for `group_quantiles`.
    limits : ndarray of int64, shape (n_steps,)
        How many to keep.
    keep : ndarray of uint8, shape (n_rows, n_steps)
        Zeros at first; becomes 1 where a cell is kept.
    steps
        The first step that is looked at, and the one where that ends.
    """
    if len(order):
        _group_best(plain(values), plain(kinds), order, bounds, limits, largest, steps, keep)


def warm() -> None:
    """Compile for the types that are called with."""
    values, kinds = np.zeros((1, 1)), np.ones((1, 1), dtype=np.uint8)
    layout = np.zeros(1, dtype=np.int64), np.array([0, 1], dtype=np.int64)
    group_quantiles(values, kinds, *layout, np.zeros(1), np.zeros((1, 1)), kinds.copy())
    group_best(values, kinds, *layout, np.ones(1, dtype=np.int64), kinds.copy(), (0, 1), largest=True)
