"""Aggregations that look at the order of a group's values: quantile, topk, bottomk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import plain
from bongsu.kernels._jit import kernel
from bongsu.kernels.windows import quantile_of_sorted

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    for group in range(len(bounds) - 1):
        for step in range(values.shape[1]):
            count = nans = 0
            for i in range(bounds[group], bounds[group + 1]):
                if kinds[order[i], step] == 1:
                    value = values[order[i], step]
                    if math.isnan(value):
                        nans += 1
                    else:
                        numbers[count] = value
                        count += 1
            out_kinds[group, step] = count + nans > 0
            if count + nans > 0:
                numbers[:count].sort()
                out[group, step] = quantile_of_sorted(numbers[:count], nans, phi[step])


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


@kernel
def _is_worse(value: float, other: float, largest: bool) -> bool:
    """Whether `value` leaves a list of the best before `other`; NaN leaves first."""
    if math.isnan(value):
        return True
    return value < other if largest else value > other


@kernel
def _sift_up(heap: NDArray[np.int64], numbers: NDArray[np.float64], last: int, largest: bool) -> None:
    child = last
    while child > 0:
        parent = (child - 1) // 2
        if not _is_worse(numbers[heap[child]], numbers[heap[parent]], largest):
            break
        heap[child], heap[parent] = heap[parent], heap[child]
        child = parent


@kernel
def _sift_down(heap: NDArray[np.int64], numbers: NDArray[np.float64], count: int, largest: bool) -> None:
    parent = 0
    while 2 * parent + 1 < count:
        child = 2 * parent + 1
        if child + 1 < count and _is_worse(numbers[heap[child + 1]], numbers[heap[child]], largest):
            child += 1
        if not _is_worse(numbers[heap[child]], numbers[heap[parent]], largest):
            break
        heap[child], heap[parent] = heap[parent], heap[child]
        parent = child


@kernel
def _group_best(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    limits: NDArray[np.int64],
    largest: bool,
    keep: NDArray[np.uint8],
) -> None:
    heap = np.empty(len(order), dtype=np.int64)
    numbers = np.empty(len(values), dtype=np.float64)
    for group in range(len(bounds) - 1):
        for step in range(values.shape[1]):
            limit = min(limits[step], bounds[group + 1] - bounds[group])
            if limit < 1:
                continue
            count = 0
            for i in range(bounds[group], bounds[group + 1]):
                row = order[i]
                if kinds[row, step] != 1:
                    continue
                numbers[row] = values[row, step]
                if count < limit:
                    heap[count] = row
                    _sift_up(heap, numbers, count, largest)
                    count += 1
                elif not math.isnan(numbers[row]) and _is_worse(numbers[heap[0]], numbers[row], largest):
                    heap[0] = row
                    _sift_down(heap, numbers, count, largest)
            for i in range(count):
                keep[heap[i], step] = 1


def group_best(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    limits: NDArray[np.int64],
    keep: NDArray[np.uint8],
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
    """
    _group_best(plain(values), plain(kinds), order, bounds, limits, largest, keep)


def warm() -> None:
    """Compile for the types that are called with."""
    values, kinds = np.zeros((1, 1)), np.ones((1, 1), dtype=np.uint8)
    layout = np.zeros(1, dtype=np.int64), np.array([0, 1], dtype=np.int64)
    group_quantiles(values, kinds, *layout, np.zeros(1), np.zeros((1, 1)), kinds.copy())
    group_best(values, kinds, *layout, np.ones(1, dtype=np.int64), kinds.copy(), largest=True)
