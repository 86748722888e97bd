"""Operators on arrays of floats, as IEEE 754 and Prometheus define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.parser.ast import BinaryOp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _power(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return powers; numpy takes square roots for those of one half, which are not the same for minus infinity and minus zero."""
    result = np.power(left, right)
    halves = right == 0.5
    return np.where(halves & (np.isinf(left) | (left == 0)), np.abs(left), result) if halves.any() else result


_ARITHMETIC: dict[BinaryOp, Callable[..., NDArray[np.float64]]] = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.DIV: np.divide,
    BinaryOp.MOD: np.fmod,
    BinaryOp.POW: _power,
    BinaryOp.ATAN2: np.arctan2,
}

_COMPARISON: dict[BinaryOp, Callable[..., NDArray[np.bool_]]] = {
    BinaryOp.EQ: np.equal,
    BinaryOp.NE: np.not_equal,
    BinaryOp.GT: np.greater,
    BinaryOp.LT: np.less,
    BinaryOp.GE: np.greater_equal,
    BinaryOp.LE: np.less_equal,
}


def drops_name(op: BinaryOp) -> bool:
    """Tell whether the result of an operator is another metric than its left operand."""
    return op in _ARITHMETIC


def compute(op: BinaryOp, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the result of an arithmetic operator; division by zero and overflow follow IEEE 754."""
    with np.errstate(all="ignore"):
        return _ARITHMETIC[op](left, right)


def holds(op: BinaryOp, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell where a comparison holds; with NaN only ``!=`` does."""
    with np.errstate(all="ignore"):
        return _COMPARISON[op](left, right)
