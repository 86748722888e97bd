"""Chunks of several sources put side by side, series by series: the arrays of a `ChunkView` over blocks and the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import read_only
from bongsu.kernels._jit import kernel
from bongsu.kernels.head_view import ADDRESS, CHUNK_FLAGS, CODEC, COUNT, KIND, MAX_TIME, MIN_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

BlockChunks = tuple[
    "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int32]", "NDArray[np.int32]"
]
"""Of each chunk of a block: its place in the section, its first and last time, its samples, its shape."""

AT, LAST, SAMPLES = range(3)
"""Rows of `cursor`: where the next chunk of a series goes, the last time of the one before, the samples so far."""

_FLOAT = 1  # KIND_FLOAT
_KIND_SHIFT = 16


@kernel
def _join_block(
    block: BlockChunks,
    section: int,
    begins: NDArray[np.int64],
    counts: NDArray[np.int64],
    to: NDArray[np.int64],
    cursor: NDArray[np.int64],
    wide: NDArray[np.int64],
    narrow: NDArray[np.uint8],
) -> bool:
    offsets, min_times, max_times, samples, shapes = block
    for i in range(len(to)):
        series = to[i]
        at, last = cursor[AT, series], cursor[LAST, series]
        held = 0
        for chunk in range(begins[i], begins[i] + counts[i]):
            shape = shapes[chunk]
            if min_times[chunk] <= last or shape >> _KIND_SHIFT & 1:
                return False
            last = max_times[chunk]
            wide[ADDRESS, at] = section + offsets[chunk]
            wide[COUNT, at] = samples[chunk]
            wide[MIN_TIME, at] = min_times[chunk]
            wide[MAX_TIME, at] = last
            narrow[KIND, at] = _FLOAT
            narrow[CODEC, at] = shape & 0xFF
            narrow[CHUNK_FLAGS, at] = shape >> 8 & 0xFF
            held += samples[chunk]
            at += 1
        cursor[AT, series], cursor[LAST, series] = at, last
        cursor[SAMPLES, series] += held
    return True


def join_block(
    block: BlockChunks,
    section: int,
    begins: NDArray[np.int64],
    counts: NDArray[np.int64],
    to: NDArray[np.int64],
    cursor: NDArray[np.int64],
    wide: NDArray[np.int64],
    narrow: NDArray[np.uint8],
) -> bool:
    """
    Write the chunks that a block has of some series behind those that are there already.

    Parameters
    ----------
    section
        Address of the block's chunks.
    begins, counts, to : ndarray of int64, shape (n_rows,)
        The first chunk of each row, how many follow one another, and the series that they are of; no series occurs twice.
    cursor : ndarray of int64, shape (3, n_series)
        Moved on.
    wide, narrow
        As in `bongsu.kernels.head_view`.

    Returns
    -------
    bool
        False, with all in disorder, where a chunk overlaps the one before it or holds histograms.
    """
    frozen: BlockChunks = tuple(map(read_only, block))  # type: ignore[assignment, arg-type]
    in_order: bool = _join_block(frozen, section, begins, counts, to, cursor, wide, narrow)
    return in_order


@kernel
def join_view(
    first: NDArray[np.int64],
    its_wide: NDArray[np.int64],
    its_narrow: NDArray[np.uint8],
    to: NDArray[np.int64],
    cursor: NDArray[np.int64],
    wide: NDArray[np.int64],
    narrow: NDArray[np.uint8],
) -> bool:
    """Write the chunks of a view, such as the head's, as `join_block` does those of a block; row *i* has ``first[i]:first[i + 1]``."""
    for i in range(len(to)):
        series = to[i]
        at, last = cursor[AT, series], cursor[LAST, series]
        for chunk in range(first[i], first[i + 1]):
            if its_wide[MIN_TIME, chunk] <= last or its_narrow[KIND, chunk] != _FLOAT:
                return False
            last = its_wide[MAX_TIME, chunk]
            cursor[SAMPLES, series] += its_wide[COUNT, chunk]
            for k in range(len(wide)):
                wide[k, at] = its_wide[k, chunk]
            for k in range(len(narrow)):
                narrow[k, at] = its_narrow[k, chunk]
            at += 1
        cursor[AT, series], cursor[LAST, series] = at, last
    return True


def warm() -> None:
    """Compile for the types that are called with."""
    none, small = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    cursor, first = np.zeros((3, 0), dtype=np.int64), np.zeros(1, dtype=np.int64)
    wide, narrow = np.zeros((4, 0), dtype=np.int64), np.zeros((3, 0), dtype=np.uint8)
    join_block((none, none, none, small, small), 0, none, none, none, cursor, wide, narrow)
    join_view(first, wide, narrow, none, cursor, wide, narrow)
