"""A stream of integers in the form that takes the fewest bytes: bit-packed, or, where it may take longer to read, entropy-coded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel
from bongsu.kernels.entropy import PLAN_ROOM, pack_entropy, plan_entropy, unpack_entropy
from bongsu.kernels.packing import ENTROPY_MARK, pack_stream, plan_stream, unpack_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCRATCH = PLAN_ROOM
"""Length of the scratch of `plan` and `pack`."""

_WORTH = 0.9
"""An entropy-coded stream must take at most this share of a packed one: it takes four times as long to read."""

_FEWEST = 120
"""Fewer numbers than this don't pay for the description of their distribution."""


@kernel
def plan(numbers: NDArray[np.int64], tight: bool, scratch: NDArray[np.int64]) -> tuple[int, int, int]:
    """Choose the form for the fewest bytes, entropy coding only if `tight`; return (bytes, base, width) for `pack`."""
    size, base, width = plan_stream(numbers, scratch)
    if tight and width > 0 and len(numbers) >= _FEWEST:
        entropy_size, centre = plan_entropy(numbers, scratch)
        if entropy_size < _WORTH * size:
            return entropy_size, centre, ENTROPY_MARK
    return size, base, width


@kernel
def pack(
    numbers: NDArray[np.int64],
    base: int,
    width: int,
    extra: int,
    scratch: NDArray[np.int64],
    words: NDArray[np.uint64],
    at: int,
) -> int:
    """Write a stream as planned at word `at`; return the word after it. `extra` goes into the upper half of the head."""
    if width == ENTROPY_MARK:
        plan_entropy(numbers, scratch)  # counts again: other plans have used the scratch since
        return pack_entropy(numbers, base, extra, scratch, words, at)
    return pack_stream(numbers, base, width, extra, words, at)


@kernel
def unpack(words: NDArray[np.uint64], at: int, out: NDArray[np.int64]) -> int:
    """Read a stream of ``len(out)`` numbers at word `at`; return the word after it. Two words behind its end may be read."""
    if words[at] & np.uint64(ENTROPY_MARK) != np.uint64(0):
        return unpack_entropy(words, at, out)
    return unpack_stream(words, at, out)
