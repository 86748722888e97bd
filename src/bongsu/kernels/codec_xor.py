"""
Values of any bits: each is combined with the one before by exclusive or, and what is left is packed without its common low zeros.

Layout in words: the first value's bits; a stream (`bongsu.kernels.packing`) of the others whose head carries the number of low zero bits
from bit 32. Source of the idea: T. Pelkonen et al., "Gorilla" (VLDB 2015), section 4.1.2; here all values of a chunk share one
width, so that they are unpacked without a branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def combine(bits: NDArray[np.int64], out: NDArray[np.int64]) -> int:
    """Write the first value, then the combination of each with the one before, less the common low zeros; return how many these are."""
    union = np.int64(0)
    out[0] = bits[0]
    for i in range(1, len(bits)):
        out[i] = bits[i] ^ bits[i - 1]
        union |= out[i]
    shift = 0
    while union != 0 and shift < 63 and not (union >> shift) & 1:
        shift += 1
    for i in range(1, len(bits)):
        out[i] = np.int64(np.uint64(out[i]) >> np.uint64(shift))
    return shift


@inner_kernel
def separate(shift: int, out: NDArray[np.float64]) -> None:
    """Turn what `combine` wrote, unpacked into the place of the values, into the values."""
    bits = out.view(np.int64)
    for i in range(1, len(bits)):
        bits[i] = np.int64(np.uint64(bits[i]) << np.uint64(shift)) ^ bits[i - 1]
