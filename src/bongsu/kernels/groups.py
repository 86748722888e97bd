"""
Aggregation of series into groups, step by step: accumulators that take block after block of series.

An accumulator has three planes of shape (n_groups, n_steps): *total*, *carry* and *count*. What they hold depends on the
operator: a compensated sum; an extreme; or mean (carry) and sum of squared deviations (total).
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import plain
from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._sums import add

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GroupOp(enum.IntEnum):
    """What is computed of a group."""

    SUM = 0
    AVG = 1
    MIN = 2
    MAX = 3
    COUNT = 4
    GROUP = 5
    STDVAR = 6
    STDDEV = 7
    AVG_INCREMENTAL = 8


SUM, AVG, MIN, MAX, COUNT, GROUP, STDVAR, STDDEV, AVG_INCREMENTAL = range(9)


@inner_kernel
def add_row(
    op: int,
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    group: int,
    planes: NDArray[np.float64],
) -> None:
    """Add one series to the accumulator of its group."""
    total, carry, count = planes[0, group], planes[1, group], planes[2, group]
    if op <= AVG:
        _add_sums(values, kinds, total, carry, count)
        return
    for step in range(len(values)):
        if kinds[step] != 1:
            continue
        value = values[step]
        count[step] += 1.0
        if op <= MAX:
            best = total[step]
            better = value < best if op == MIN else value > best
            if count[step] == 1.0 or better or math.isnan(best):
                total[step] = value
        elif op in (STDVAR, STDDEV):
            delta = value - carry[step]
            carry[step] += delta / count[step]
            total[step] += delta * (value - carry[step])
        elif op == AVG_INCREMENTAL:
            share = (count[step] - 1.0) / count[step]
            total[step], carry[step] = add(share * total[step], share * carry[step], value / count[step])


@inner_kernel
def _add_sums(
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    total: NDArray[np.float64],
    carry: NDArray[np.float64],
    count: NDArray[np.float64],
) -> None:
    """
    Add to compensated sums, without a branch, so that the processor does several steps at once.

    What a sum loses is the same number as in `add`; source of this form: D. E. Knuth, "The Art of Computer Programming", volume 2, 4.2.2,
    theorem B.
    """
    for step in range(len(values)):
        here = kinds[step] == 1
        value, before = values[step], total[step]
        result = before + value
        part = result - before
        lost = (before - (result - part)) + (value - part)
        more = 0.0 if math.isinf(result) else carry[step] + lost
        total[step] = result if here else before
        carry[step] = more if here else carry[step]
        count[step] += 1.0 if here else 0.0


@kernel
def _accumulate(
    op: int,
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    groups: NDArray[np.int64],
    planes: NDArray[np.float64],
) -> None:
    for row in range(len(values)):
        add_row(op, values[row], kinds[row], groups[row], planes)


def accumulate(
    op: GroupOp,
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    groups: NDArray[np.int64],
    planes: NDArray[np.float64],
) -> None:
    """
    Add a block of series to the accumulator of their groups.

    Parameters
    ----------
    values, kinds : ndarray, shape (n_rows, n_steps)
        Cells whose kind is 1 count; NaN is a value: it makes sums NaN and gives way to any number in extremes.
    groups : ndarray of int64, shape (n_rows,)
        Group of each row.
    planes : ndarray of float64, shape (3, n_groups, n_steps)
        The accumulator, zeros at first; changed in place.
    """
    _accumulate(int(op), plain(values), plain(kinds), groups, planes)


@kernel
def _merge(op: int, planes: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    for group in range(planes.shape[1]):
        for step in range(planes.shape[2]):
            count, more = planes[2, group, step], others[2, group, step]
            if more == 0.0:
                continue
            total, carry = planes[0, group, step], planes[1, group, step]
            other, other_carry = others[0, group, step], others[1, group, step]
            if count == 0.0:
                total, carry = other, other_carry
            elif op <= AVG:
                total, carry = add(total, carry, other)
                if not math.isinf(total):
                    carry += other_carry
            elif op <= MAX:
                if (other < total if op == MIN else other > total) or math.isnan(total):
                    total = other
            elif op in (STDVAR, STDDEV):
                delta = other_carry - carry
                total += other + delta * delta * count * more / (count + more)
                carry += delta * more / (count + more)
            planes[0, group, step], planes[1, group, step] = total, carry
            planes[2, group, step] = count + more


def merge(op: GroupOp, planes: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    """
    Add one accumulator to another, in place; not for `GroupOp.AVG_INCREMENTAL`, whose series need their order.

    Notes
    -----
    Deviations are combined as in T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances" (1979), formula 2.1.
    """
    _merge(int(op), planes, plain(others))


@kernel
def _finish(op: int, planes: NDArray[np.float64], out: NDArray[np.float64], kinds: NDArray[np.uint8]) -> None:
    for group in range(planes.shape[1]):
        for step in range(planes.shape[2]):
            count = planes[2, group, step]
            kinds[group, step] = count > 0.0
            if count == 0.0:
                continue
            total, carry = planes[0, group, step], planes[1, group, step]
            if op in (SUM, AVG_INCREMENTAL):
                out[group, step] = total if math.isinf(total) else total + carry
            elif op == AVG:
                out[group, step] = total / count + carry / count
            elif op <= MAX:
                out[group, step] = total
            elif op == COUNT:
                out[group, step] = count
            elif op == GROUP:
                out[group, step] = 1.0
            else:
                variance = total / count
                out[group, step] = variance if op == STDVAR else math.sqrt(variance)


def finish(
    op: GroupOp, planes: NDArray[np.float64], out: NDArray[np.float64], kinds: NDArray[np.uint8]
) -> None:
    """Write the results of an accumulator, shape (n_groups, n_steps); `kinds` becomes 1 where a group has any value."""
    _finish(int(op), planes, out, kinds)


def warm() -> None:
    """Compile for the types that are called with."""
    values, kinds = np.zeros((1, 1)), np.ones((1, 1), dtype=np.uint8)
    planes = np.zeros((3, 1, 1))
    accumulate(GroupOp.SUM, values, kinds, np.zeros(1, dtype=np.int64), planes)
    merge(GroupOp.SUM, planes, planes.copy())
    finish(GroupOp.SUM, planes, values, kinds)
