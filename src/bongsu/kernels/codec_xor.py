"""
Values of any bits: each is combined with the one before by exclusive or, and what is left is packed without its common low zeros.

Layout in words: the first value's bits; a stream (`bongsu.kernels.packing`) of the others whose head carries the number of low zero bits
from bit 32. Source of the idea: T. Pelkonen et al., "Gorilla" (VLDB 2015), section 4.1.2; here all values of a chunk share one
width, so that they are unpacked without a branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.packing import pack_stream, plan_stream, unpack_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def combine(bits: NDArray[np.int64], out: NDArray[np.int64]) -> int:
    """Write the combination of each value, from the second on, with the one before, less the common low zeros; return how many."""
    union = np.int64(0)
    for i in range(1, len(bits)):
        out[i - 1] = bits[i] ^ bits[i - 1]
        union |= out[i - 1]
    shift = 0
    while union != 0 and shift < 63 and not (union >> shift) & 1:
        shift += 1
    for i in range(len(bits) - 1):
        out[i] = np.int64(np.uint64(out[i]) >> np.uint64(shift))
    return shift


@kernel
def encode_xor(
    bits: NDArray[np.int64],
    combined: NDArray[np.int64],
    shift: int,
    counts: NDArray[np.int64],
    words: NDArray[np.uint64],
    at: int,
) -> int:
    """Write values that `combine` has prepared; return the word after them."""
    words[at] = np.uint64(bits[0])
    _, base, width = plan_stream(combined, counts)
    return pack_stream(combined, base, width, shift, words, at + 1)


@kernel
def decode_xor(words: NDArray[np.uint64], at: int, out: NDArray[np.float64]) -> int:
    """Read ``len(out)`` values; return the word after them."""
    bits = out.view(np.int64)
    bits[0] = np.int64(words[at])
    shift = np.uint64(words[at + 1] >> np.uint64(32))
    at = unpack_stream(words, at + 1, bits[1:])
    for i in range(1, len(bits)):
        bits[i] = np.int64(np.uint64(bits[i]) << shift) ^ bits[i - 1]
    return at
