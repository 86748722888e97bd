"""
HyperLogLog: how many distinct 64-bit hashes were seen, in a fixed number of bytes.

Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm"
(2007), figure 3, with 64-bit hashes, which need no correction of large ranges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray


class HyperLogLog:
    """
    A sketch of a set of hashes.

    Parameters
    ----------
    precision
        Bits that choose a register, 4 to 18: ``2 ** precision`` bytes, standard error ``1.04 / sqrt(2 ** precision)``
        (14: 16 KiB and 0.8 %).
    """

    __slots__ = ("precision", "registers")

    def __init__(self, precision: int = 14) -> None:
        if not 4 <= precision <= 18:
            raise AssertionError(f"BUG: precision {precision}")
        self.precision = precision
        self.registers: NDArray[np.uint8] = np.zeros(1 << precision, dtype=np.uint8)

    def __getstate__(self) -> tuple[int, bytes]:
        return self.precision, self.registers.tobytes()

    def __setstate__(self, state: tuple[int, bytes]) -> None:
        self.precision, registers = state
        self.registers = np.frombuffer(registers, dtype=np.uint8).copy()

    @classmethod
    def of(cls, hashes: Collection[int], precision: int = 14) -> HyperLogLog:
        """Return the sketch of a set of unsigned 64-bit hashes."""
        sketch = cls(precision)
        sketch.add_all(hashes)
        return sketch

    def add(self, hashed: int) -> None:
        """Add one unsigned 64-bit hash; it must be uniformly distributed."""
        register = hashed >> (64 - self.precision)
        rest = hashed & ((1 << (64 - self.precision)) - 1)
        rank = 64 - self.precision - rest.bit_length() + 1
        if rank > self.registers[register]:
            self.registers[register] = rank

    def add_all(self, hashes: Collection[int]) -> None:
        """Add many hashes."""
        values = np.fromiter(hashes, dtype=np.uint64, count=len(hashes))
        registers = (values >> np.uint64(64 - self.precision)).astype(np.int64)
        rest = values & np.uint64((1 << (64 - self.precision)) - 1)
        np.maximum.at(
            self.registers, registers, (64 - self.precision - _bit_lengths(rest) + 1).astype(np.uint8)
        )

    def merge(self, others: Iterable[HyperLogLog]) -> HyperLogLog:
        """Return the sketch of the union with sketches of the same precision."""
        union = HyperLogLog(self.precision)
        np.copyto(union.registers, self.registers)
        for other in others:
            np.maximum(union.registers, other.registers, out=union.registers)
        return union

    def estimate(self) -> int:
        """Return the estimated number of distinct hashes; by linear counting while many registers are empty."""
        size = len(self.registers)
        alpha = 0.7213 / (
            1 + 1.079 / size
        )  # for 128 registers and more; below, the error is larger than the difference
        raw = alpha * size * size / float(np.sum(np.exp2(-self.registers.astype(np.float64))))
        empty = int(np.count_nonzero(self.registers == 0))
        if raw <= 2.5 * size and empty:
            return round(size * math.log(size / empty))
        return round(raw)


def _bit_lengths(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return `int.bit_length` of each value; by halves, as a float's exponent is not exact beyond 53 bits."""
    lengths = np.zeros(len(values), dtype=np.int64)
    rest = values.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        large = rest >= np.uint64(1 << shift)
        lengths[large] += shift
        rest[large] >>= np.uint64(shift)
    return lengths + (rest > 0)
