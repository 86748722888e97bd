"""A part of a selection: what one source, the head or a block, has of the selected series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.storage.raw import Sample

BUFFER = 6
"""Column of `Part.table` that tells the chunk's buffer; the others are those of `bongsu.kernels.head`."""

KIND_SHIFT = 16
"""SHAPE is ``codec | flags << 8 | is_histogram << KIND_SHIFT``."""


@dataclass(frozen=True, slots=True)
class Part:
    """
    Frozen samples of some rows.

    Attributes
    ----------
    first : ndarray of int64, shape (n_rows + 1,)
        Row *i* owns chunks ``first[i]:first[i + 1]`` of the table, oldest first.
    table : ndarray of int64, shape (n_chunks, 8)
        Chunks as in `bongsu.kernels.head`, with the buffer's number in column `BUFFER`.
    buffers
        What the chunks' offsets point into.
    extra
        Samples of a row that are in no chunk, in order of time; they hide chunk samples of the same time.
    hidden
        Deleted closed ranges of a row; they hide chunk samples, not extra ones.
    """

    first: NDArray[np.int64]
    table: NDArray[np.int64]
    buffers: tuple[NDArray[np.uint8], ...]
    extra: Mapping[int, Sequence[Sample]] = field(default_factory=dict)
    hidden: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
